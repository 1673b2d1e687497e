"""Snakemake without the seconds that its import takes: each run is forked off a process that has it imported.

A run is a process of its own with its arguments, folder, environment, files and exit code, as if somebody had typed
`snakemake`. Tests that kill Snakemake or send it signals start the program itself.
"""

import atexit
import gc
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

from snakemake_client import VARIABLE

COMMAND = (sys.executable, "-I", "-S", str(Path(__file__).with_name("snakemake_client.py")))
"""What stands for `snakemake`, in an environment with the variable of `variables`."""

READ_AT_START = ("PYTHON", "LC_", "LANG", "TZ", "COVERAGE_")
"""Beginnings of the variables that an interpreter reads as it starts; a run with other ones starts the program."""


@cache
def variables() -> dict[str, str]:
    """Start the server, and return the variable that names it; where coverage is measured there is none."""
    if "COVERAGE_PROCESS_CONFIG" in os.environ:
        return {}
    name = f"canary-wf-tests-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{name}")
        listener.listen()
        number = listener.fileno()
        server = subprocess.Popen([sys.executable, __file__, str(number)], stdin=subprocess.PIPE, pass_fds=[number])
    atexit.register(server.communicate)
    return {VARIABLE: name}


def _serve(listener: socket.socket) -> None:
    """Carry out one run after the other, until standard input ends."""
    import snakemake.cli  # type: ignore[import-untyped]

    gc.freeze()
    while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
        channel, _ = listener.accept()
        with channel:
            size, files, _, _ = socket.recv_fds(channel, 8, 3)
            with channel.makefile("rb") as request:
                command, folder, environment = json.loads(request.read(int.from_bytes(size, "big")))
            if _user(channel) != os.getuid() or _read_at_start(environment) != _read_at_start(os.environ):
                channel.sendall(b"no\n")
            elif pid := os.fork():
                code = _end(pid, channel)
                with suppress(BrokenPipeError):  # nobody waits for it any more
                    channel.sendall(b"%d\n" % code)
            else:
                listener.close()
                channel.close()
                _become(command, folder, environment, files)
                sys.exit(snakemake.cli.main())
        for file in files:
            os.close(file)


def _user(channel: socket.socket) -> int:
    """Return who asks: anybody on this machine can."""
    credentials = channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, user, _ = struct.unpack("3i", credentials)
    return int(user)


def _read_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(READ_AT_START)}


def _become(command: list[str], folder: str, environment: Mapping[str, str], files: list[int]) -> None:
    """Make this process like one that was started with `command`."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    sys.argv = command
    sys.path[0] = str(Path(command[0]).parent)


def _end(pid: int, channel: socket.socket) -> int:
    """Wait for the end of `pid`, which is killed when the process that asked for it is gone."""
    process = os.pidfd_open(pid)
    if channel.fileno() in select.select([process, channel.fileno()], [], [])[0]:
        os.kill(pid, signal.SIGKILL)
    os.close(process)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
