"""Standard output and error of a runner: its batch goes on, whether or not what it says can be written."""

import io
import sys


class LossyStream(io.TextIOWrapper):
    """A stream that loses what cannot be written: its disk is full or broken, or the reader has gone.

    The verdicts stand in the journal. A runner that ended because its log is on a full disk would end with the exit
    code of an error of its own.
    """

    def write(self, text: str) -> int:
        """Write `text` if that is possible; return its length either way."""
        try:
            return super().write(text)
        except OSError:
            return len(text)

    def flush(self) -> None:
        """Hand on what was written, if that is possible; what is kept is tried again next time."""
        try:
            super().flush()
        except OSError:
            return


def use_lossy_streams() -> None:
    """Let this process's standard output and error lose what cannot be written."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            encoding, errors, at_once = stream.encoding, stream.errors, stream.line_buffering
            setattr(sys, name, LossyStream(stream.detach(), encoding, errors, line_buffering=at_once))
