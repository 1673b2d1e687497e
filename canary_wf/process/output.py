"""Where the output of a job goes: straight to its file, or for a test of CTest through a pipe, as ctest has it.

The end of the pipe says that nobody can print any more. A process that the test leaves in the background may hold it
after the test itself has ended. What it prints belongs to the test, and the test goes on until it lets go; one that
sent its output elsewhere holds nobody up.
"""

import os
from contextlib import suppress

from canary_wf.files.json_files import write_all

OUTPUT_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW
"""How a job's output file is opened; never through a link, which could lead to a file of the user's."""

_CHUNK = 1 << 16
"""Bytes that a pipe holds, so that one read empties it."""

_TURN = 16
"""Reads in one turn; then the others have theirs."""


class PipedOutput:
    """Carries what comes through a pipe to the file `path`, of which at most `limit` bytes are kept.

    `too_much` says that more came, `fault` that the file could not be written, and why. Raises OSError when the pipe
    or the file cannot be made.
    """

    def __init__(self, path: str, limit: float) -> None:
        self._file = os.open(path, OUTPUT_FLAGS | os.O_CLOEXEC, 0o666)
        self._left = limit
        self.too_much = False
        self.fault: OSError | None = None
        try:
            self.read_end, self._write_end = os.pipe2(os.O_CLOEXEC)
        except OSError:
            os.close(self._file)
            raise
        os.set_blocking(self.read_end, False)

    @property
    def write_end(self) -> int:
        """The descriptor that the process is to print to."""
        return self._write_end

    def started(self) -> None:
        """Know that the process has its own copy of the end to print to."""
        os.close(self._write_end)

    def abandon(self) -> None:
        """Let go of everything: there is no process."""
        self.started()
        self.close()

    def pump(self) -> bool:
        """Carry on what is there; return whether everybody has let go of the pipe."""
        for _ in range(_TURN):
            try:
                content = os.read(self.read_end, _CHUNK)
            except BlockingIOError:
                return False
            if not content:
                return True
            self._keep(content)
        return False

    def _keep(self, content: bytes) -> None:
        if len(content) > self._left:
            self.too_much = True
            content = content[: max(0, int(self._left))]
        self._left -= len(content)
        if self.fault is None and content:
            try:
                write_all(self._file, content)
            except OSError as error:
                self.fault = error  # the test goes on; who judges it has to know

    def close(self) -> None:
        """Take what is there, and let go of pipe and file."""
        with suppress(OSError):
            self.pump()
        os.close(self.read_end)
        os.close(self._file)
