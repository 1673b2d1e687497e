"""The program of `canary-wf run`'s child: it loads Snakemake while the workflow is made, and then runs it.

Standard input is a pipe from the parent. Its one line, JSON, says what to run. Its end says that the parent is gone,
however that happened: before the line this program just ends, and afterwards the run is paused as by Ctrl-C.
"""

import json
import os
import signal
import sys
import threading
from typing import Any


def main() -> int:
    """Wait for the request and carry it out; return Snakemake's exit code."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what it runs with & ignore it
    channel = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)  # what Snakemake starts must not read the pipe
    os.close(null)
    try:
        import snakemake.cli  # type: ignore[import-untyped]  # without types
        import snakemake.workflow  # type: ignore[import-untyped]
    except ImportError as error:
        sys.stderr.write(f"canary-wf: Snakemake cannot be loaded: {error}; install canary-wf again\n")
        return 1
    request = _read_request(channel)
    if request is None:
        return 0
    os.chdir(request["folder"])
    _write_to(request["text"])
    threading.Thread(target=_pause_with_parent, args=(channel,), name="canary-wf parent", daemon=True).start()
    sys.argv = [os.path.join(os.path.dirname(sys.executable), "snakemake"), *request["arguments"]]  # noqa: PTH118, PTH120 - as a user's shell would find it
    snakemake.cli.main()  # which exits
    return 0


def _read_request(channel: int) -> dict[str, Any] | None:
    line = b""
    while not line.endswith(b"\n"):
        part = os.read(channel, 1 << 16)
        if not part:
            return None
        line += part
    found: dict[str, Any] = json.loads(line)
    return found


def _write_to(text: str | None) -> None:
    """Let standard output and standard error go to the end of the file `text`, which the parent has made."""
    if text is None:
        return
    file = os.open(text, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)


def _pause_with_parent(channel: int) -> None:
    """Wait for the end of the pipe, and then interrupt this process group: Snakemake and the runners it started."""
    while os.read(channel, 1 << 16):
        pass
    os.killpg(0, signal.SIGINT)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
