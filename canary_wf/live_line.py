"""A line at the bottom of a terminal that is redrawn in place, below all other output."""

import time
from collections.abc import Callable
from typing import TextIO

_ERASE = "\r\x1b[2K"
READABLE = 0.2
"""Seconds between two changes: nobody reads faster than that."""


class LiveLine:
    """A line on `stream` that is overwritten in place; off unless `stream` is a terminal.

    It changes at most once every `every` seconds of `clock`, and must be used by one thread at a time.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic, *, every: float = READABLE) -> None:
        self._stream = stream
        self._clock = clock
        self._every = every
        self._is_on = stream.isatty()
        self._shown = ""
        self._next = 0.0

    def show(self, text: Callable[[], str]) -> None:
        """Show the result of `text`, unless the line changed a moment ago."""
        if not self._is_on or self._clock() < self._next:
            return
        import shutil  # late: most runners have no terminal

        self._shown = text()[: shutil.get_terminal_size().columns - 1]
        self._write(_ERASE + self._shown)
        self._next = self._clock() + self._every

    def write_above(self, text: str) -> None:
        """Write `text`, and redraw the line below it."""
        self._write(f"{_ERASE if self._shown else ''}{text}\n{self._shown}")

    def clear(self) -> None:
        """Erase the line so that other text can be printed; the next `show` brings it back."""
        if self._shown:
            self._write(_ERASE)
            self._shown = ""
            self._next = 0.0

    def leave(self) -> None:
        """End the line, so that it stays on the screen."""
        if self._shown:
            self._write("\n")
            self._shown = ""

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
