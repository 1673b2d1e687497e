"""A small process that kills a job when the program that runs it dies, even by SIGKILL.

It reads from a pipe that only this program writes to: first the process group to guard, then, when all is over, one
line more. The end of the pipe in between means that the program is gone.
"""

import subprocess
from typing import Self

_SCRIPT = 'read -r group || exit 0; read -r _ || kill -s KILL -- "-$group"'


class Guard:
    """Guards one process group; a context manager, entered before the process is started."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C at the terminal is not for the guard
            bufsize=0,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._tell(b"\n")
        self._process.communicate()

    def watch(self, group: int) -> None:
        """Kill the process group `group` when this program dies from now on."""
        self._tell(b"%d\n" % group)

    def _tell(self, line: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line)
        except BrokenPipeError:
            return  # somebody killed the guard; whoever looks at the job next cleans up instead
