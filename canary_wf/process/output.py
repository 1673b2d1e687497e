"""Where the output of a process goes: straight to its file, or through a pipe, as ctest does it for its tests.

The end of the pipe says that nothing more can be printed. A process that the test leaves in the background may hold the
pipe after the test itself has ended. Its output belongs to the test, and the test goes on until the process closes the
pipe. A background process that sent its output elsewhere does not delay the test.
"""

import os
from contextlib import suppress

from canary_wf.files.json_files import write_all

OUTPUT_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW
"""How an output file is opened: never through a link, which could lead to a file of the user's."""

_CHUNK = 1 << 16
"""Bytes that a pipe holds, so that one read empties it."""

_TURN = 16
"""Reads from one pipe before the others have their turn."""


class PipedOutput:
    """Copies what comes through a pipe to the file `path`, at most `limit` bytes of it.

    `too_much` says that more came, `fault` why the file could not be written. Raises OSError when the pipe
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
        """Close the end to print to: the process has its own copy."""
        os.close(self._write_end)

    def abandon(self) -> None:
        """Close everything: the process was not started."""
        self.started()
        self.close()

    def pump(self) -> bool:
        """Copy what has arrived; return whether all writers have closed the pipe."""
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
                self.fault = error  # the test goes on; the verdict takes it into account

    def close(self) -> None:
        """Copy what has arrived, then close pipe and file."""
        with suppress(OSError):
            self.pump()
        os.close(self.read_end)
        os.close(self._file)
