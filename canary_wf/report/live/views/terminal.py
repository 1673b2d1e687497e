"""The live view on a terminal: a bar, sums, the jobs that run and what waits; failures scroll up above it."""

from collections.abc import Iterator
from typing import TextIO

from canary_wf.durations import format_duration
from canary_wf.report.colour import is_coloured
from canary_wf.report.columns import cut_end, cut_middle, width_of
from canary_wf.report.live.snapshot import Snapshot
from canary_wf.report.live.views.lines import Line, Piece, harmless
from canary_wf.report.live.views.running_table import running_table
from canary_wf.report.live.views.screen_area import ScreenArea
from canary_wf.report.live.views.wording import Announcement, ahead, announcements, sums
from canary_wf.wording import count

_BAR = 40
_MOST_WAITS = 4
_FREE = 4
"""Lines of the screen that are left to the newest failures."""


class TerminalView:
    """The view on the terminal `file`."""

    def __init__(self, file: TextIO) -> None:
        self._encoding = file.encoding
        bar = _known("━╌", file.encoding, "#-")
        self._full, self._empty = bar[0], bar[1]
        self._ellipsis = _known("…", file.encoding, "...")
        self._area = ScreenArea(file, coloured=is_coloured(file), ellipsis=self._ellipsis)
        self._size = (0, 0)

    @property
    def was_resized(self) -> bool:
        """Whether the terminal has another size than when it was drawn last."""
        return self._area.size() != self._size

    def show(self, snapshot: Snapshot, note: str = "") -> None:
        """Draw `snapshot`; `note` is a line below it."""
        self._size = columns, rows = self._area.size()
        self._area.draw(list(self.lines(snapshot, columns - 1, rows, note)), self.news(snapshot, columns - 1))

    def close(self) -> None:
        """Take the view away; what scrolled up stays."""
        self._area.clear()

    def _announced(self, said: Announcement, width: int) -> Line:
        name, text = harmless(said.name, self._encoding), harmless(said.text, self._encoding)
        room = width - width_of(said.word) - 1
        name = cut_middle(name, max(room // 2, room - width_of(text)), self._ellipsis)
        return [Piece(said.word, said.style), Piece(f" {name}"), Piece(cut_end(text, room - width_of(name)))]

    def news(self, snapshot: Snapshot, width: int) -> list[Line]:
        """Return a line of at most `width` columns for each job that has failed or become slow."""
        return [self._announced(said, width) for said in announcements(snapshot)]

    def lines(self, snapshot: Snapshot, width: int, rows: int, note: str = "") -> Iterator[Line]:
        """Yield the lines that show `snapshot` and a `note` on a screen of `width` columns and `rows`."""
        waits = list(self._waits(snapshot))
        yield self._progress(snapshot, width)
        yield _joined(list(sums(snapshot)))
        room = rows - _FREE - 2 - len(waits) - bool(note) - 1
        fits = len(snapshot.running) <= room
        shown = snapshot.running if fits else snapshot.running[: max(1, room - 1)]
        more = len(snapshot.running) - len(shown)
        if shown:
            yield from running_table(shown, width, self._encoding, self._ellipsis)
        if more:
            yield [Piece(f"and {count(more, 'more job')} running", "dim")]
        yield from waits
        if note:
            yield [Piece(harmless(note, self._encoding), "bold")]

    def _progress(self, snapshot: Snapshot, width: int) -> Line:
        """Return the bar, the number of jobs done, how long it has taken, and the time left."""
        spent = "" if snapshot.spent is None else format_duration(snapshot.spent)
        left = "writing the reports" if snapshot.done == snapshot.total else ahead(snapshot)
        after = ", ".join(filter(None, (f"{snapshot.done}/{snapshot.total}", spent, left)))
        length = max(5, min(_BAR, width - len(after) - 2))
        done = length * snapshot.done // max(1, snapshot.total)
        colour = "red" if snapshot.bad else "green" if snapshot.done == snapshot.total else "cyan"
        return [
            Piece(self._full * done, colour),
            Piece(self._empty * (length - done), "dim"),
            Piece(f"  {after}", "bold"),
        ]

    def _waits(self, snapshot: Snapshot) -> Iterator[Line]:
        shown = snapshot.waits if len(snapshot.waits) <= _MOST_WAITS else snapshot.waits[: _MOST_WAITS - 1]
        for line in shown:
            yield [Piece(harmless(str(line), self._encoding), "yellow" if line.is_outside else "dim")]
        if len(shown) < len(snapshot.waits):
            yield [Piece(f"and {count(len(snapshot.waits) - len(shown), 'more reason')} to wait", "dim")]


def _joined(pieces: list[Piece]) -> Line:
    """Return `pieces` with commas between them."""
    commas = [Piece(", ")] * len(pieces)
    return [piece for pair in zip(pieces, commas, strict=True) for piece in pair][:-1]


def _known(characters: str, encoding: str | None, otherwise: str) -> str:
    """Return `characters` if `encoding` has them."""
    try:
        characters.encode(encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return otherwise
    return characters
