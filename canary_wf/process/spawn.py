"""Starting one process in a session of its own, with its output going to a file or a pipe.

The runner uses `posix_spawn`, which is faster but requires that this process may change its own folder.
"""

import errno
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from canary_wf.errors import CanaryWfError
from canary_wf.files.json_files import remedy
from canary_wf.process.output import OUTPUT_FLAGS, PipedOutput

_DEFAULTED = {signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP}
"""Signals that Python or the runner handle, and that a job must find with their default actions."""

_commands: dict[tuple[str, str], str] = {}
"""Programs that were found. A missing program is not noted, because the next job may build it."""


class LaunchError(CanaryWfError):
    """The process could not be started."""


@cache
def _no_input() -> int:
    """Return a descriptor of /dev/null, opened once for all jobs."""
    return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)


@cache
def _defaulted() -> list[int]:
    """Return the signals that are set to their defaults in a job: all but those that are ignored on purpose.

    Exec resets signals with handlers anyway, but glibc makes two system calls for each signal that is not listed.
    """
    unchangeable = {signal.SIGKILL, signal.SIGSTOP}
    return [
        number
        for number in signal.valid_signals() - unchangeable
        if number in _DEFAULTED or signal.getsignal(number) is not signal.SIG_IGN
    ]


@contextmanager
def _bound(cpus: frozenset[int]) -> Iterator[None]:
    """Bind this thread, and so what it starts, to `cpus` for a moment."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def launch(
    argv: Sequence[str],
    folder: Path | str,
    environment: Mapping[str, str],
    output: Path | str | PipedOutput,
    cpus: frozenset[int] | None = None,
    *,
    keep_folder: bool = False,
) -> int:
    """Start `argv` in `folder`, standard output and error going to `output`, and return the process id.

    The process leads its own session and process group; its standard input is empty; it is bound to `cpus` unless
    that is None. With `keep_folder` the folder of this process stays what it is, because other threads depend on it. If
    the process cannot be started, a pipe is closed. Raises LaunchError with the reason in words.
    """
    spawn = _spawn_beside if keep_folder else _spawn
    try:
        program = find_program(argv[0], folder, environment)
        if not keep_folder:
            # `posix_spawn` cannot change the folder of the child, so the runner goes there itself: it is the only
            # thread that depends on it, and all its own paths are absolute.
            os.chdir(folder)
        try:
            if cpus is None:
                pid = spawn(program, argv, folder, environment, output)
            else:
                with _bound(cpus):
                    pid = spawn(program, argv, folder, environment, output)
        except (OSError, ValueError) as error:
            hint = remedy(error, None) if isinstance(error, OSError) else None
            raise LaunchError(launch_reason(error, argv[0]), hint=hint) from error
    except BaseException:  # a signal, too, must leave no pipe behind
        if isinstance(output, PipedOutput):
            output.abandon()
        raise
    if isinstance(output, PipedOutput):
        output.started()
    return pid


def _spawn(
    program: str,
    argv: Sequence[str],
    folder: Path | str,
    environment: Mapping[str, str],
    output: Path | str | PipedOutput,
) -> int:
    """Start the process in the current folder."""
    del folder
    opened: tuple[int, ...] | tuple[int, int, str, int, int]
    if isinstance(output, PipedOutput):
        opened = (os.POSIX_SPAWN_DUP2, output.write_end, 1)
    else:
        opened = (os.POSIX_SPAWN_OPEN, 1, str(output), OUTPUT_FLAGS, 0o666)
    return os.posix_spawn(
        program,
        list(argv),
        environment,
        file_actions=[
            (os.POSIX_SPAWN_DUP2, _no_input(), 0),
            opened,
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=(),
        setsigdef=_defaulted(),
    )


def _spawn_beside(
    program: str,
    argv: Sequence[str],
    folder: Path | str,
    environment: Mapping[str, str],
    output: Path | str | PipedOutput,
) -> int:
    """Start the process without changing the folder of this one."""
    import subprocess  # late: the runner starts without it

    piped = isinstance(output, PipedOutput)
    descriptor = output.write_end if isinstance(output, PipedOutput) else os.open(output, OUTPUT_FLAGS, 0o666)
    try:
        process = subprocess.Popen(
            argv,
            executable=program,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    finally:
        if not piped:
            os.close(descriptor)
    process.returncode = 0  # the caller reaps it; Popen must not
    return process.pid


def find_program(command: str, folder: Path | str, environment: Mapping[str, str]) -> str:
    """Return the file that `command` names for a job in `folder`, found as a shell would. Raises LaunchError."""
    own = command if command.startswith("/") else f"{folder}/{command}"  # keeps ./ and links as they are
    if "/" in command:
        return own
    if os.access(own, os.X_OK) and os.path.isfile(own):  # noqa: PTH113
        return own
    search = environment["PATH"].partition(os.pathsep)[2]
    key = (command, search)
    found = _commands.get(key) or _search(command, search)
    if found is None:
        raise LaunchError(f"command {command!r} is not found")
    _commands[key] = found
    return found


def _search(command: str, search: str) -> str | None:
    """Return the program `command` in one of the folders of `search`, which is PATH but for the job's own folder."""
    for folder in filter(None, search.split(os.pathsep)):
        program = f"{folder}/{command}"
        if os.access(program, os.X_OK) and os.path.isfile(program):  # noqa: PTH113
            return program
    return None


def launch_reason(error: OSError | ValueError, command: str) -> str:
    """Return in words why `command` could not be started."""
    match error:
        case OSError(errno=errno.ENOENT):
            return f"command {command!r} is not found"
        case OSError(errno=errno.EACCES):
            return f"command {command!r} may not be executed"
        case OSError(errno=errno.ENOEXEC):
            return f"command {command!r} is not a program; a script needs a first line such as #!/bin/sh"
        case OSError():
            return f"command {command!r} could not be started ({error.strerror})"
        case _:
            return f"command {command!r} could not be started ({error})"
