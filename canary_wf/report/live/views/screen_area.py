"""The lines at the bottom of a terminal that are drawn anew in place; other text goes above them and scrolls up.

A line is at least one column shorter than the terminal, so that none wraps. A terminal that has become narrower than a
line has wrapped or cut it, nobody can know which; the screen is then cleared and drawn anew.
"""

import os
import shutil
from collections import deque
from collections.abc import Iterable, Sequence
from typing import TextIO

from canary_wf.report.live.views.lines import Line, cut_line, line_width, painted

_UP, _TO_LINE_END, _TO_SCREEN_END, _CLEAR = "\x1b[{}A", "\x1b[K", "\x1b[J", "\x1b[H\x1b[2J"
_KEPT = 100


class ScreenArea:
    """The area on the terminal `file`."""

    def __init__(self, file: TextIO, *, coloured: bool, ellipsis: str = "…") -> None:
        self._file = file
        self._coloured = coloured
        self._ellipsis = ellipsis
        self._drawn: list[int] = []
        self._above: deque[Line] = deque(maxlen=_KEPT)

    def size(self) -> tuple[int, int]:
        """Return the columns and the lines of the terminal."""
        try:
            found = os.get_terminal_size(self._file.fileno())
        except (OSError, ValueError):
            found = shutil.get_terminal_size()
        return max(10, found.columns), max(2, found.lines)

    def draw(self, lines: Sequence[Line], above: Iterable[Line] = ()) -> None:
        """Show `lines` in the place of those of before, as many as fit, and write the lines `above` for good."""
        columns, rows = self.size()
        new = [cut_line(line, columns - 1, self._ellipsis) for line in above]
        self._above.extend(new)
        shown = [cut_line(line, columns - 1, self._ellipsis) for line in lines[: rows - 1]]
        if any(width >= columns for width in self._drawn):
            room = max(0, rows - len(shown) - 1)
            start, new = _CLEAR, [cut_line(line, columns - 1, self._ellipsis) for line in self._above][-room or _KEPT :]
        else:
            start = self._to_the_top()
        text = [painted(line, coloured=self._coloured) + _TO_LINE_END for line in [*new, *shown]]
        ending = _TO_SCREEN_END if shown or not text else f"\n{_TO_SCREEN_END}"
        self._write(start + "\n".join(text) + ending)
        self._drawn = [line_width(line) for line in shown]

    def clear(self) -> None:
        """Take the lines away."""
        if self._drawn:
            self._write(self._to_the_top() + _TO_SCREEN_END)
            self._drawn = []

    def _to_the_top(self) -> str:
        return "\r" + (_UP.format(len(self._drawn) - 1) if len(self._drawn) > 1 else "")

    def _write(self, text: str) -> None:
        self._file.write(text)
        self._file.flush()
