"""One line at the bottom of a terminal that is written over and over, under the lines that stay."""

import time
from collections.abc import Callable
from typing import TextIO

_ERASE = "\r\x1b[2K"
_EVERY = 0.2


class LiveLine:
    """Shows a text on `stream`; does nothing where that is not a terminal. Times are seconds of `clock`."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._is_on = stream.isatty()
        self._shown = False
        self._next = 0.0

    def show(self, text: Callable[[], str]) -> None:
        """Show what `text` gives, unless the line was changed a moment ago."""
        if not self._is_on or self._clock() < self._next:
            return
        import shutil  # late, as most runners have no terminal

        width = shutil.get_terminal_size().columns
        self._stream.write(_ERASE + text()[: width - 1])
        self._stream.flush()
        self._shown = True
        self._next = self._clock() + _EVERY

    def clear(self) -> None:
        """Take the line away, so that others can be printed; it comes back with the next `show`."""
        if self._shown:
            self._stream.write(_ERASE)
            self._stream.flush()
            self._shown = False
            self._next = 0.0
