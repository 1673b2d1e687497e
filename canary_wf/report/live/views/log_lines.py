"""The live view where nothing can be drawn anew, as in a pipe or a log of a CI service: lines, one below the other.

Each failure is a line. A line with the sums comes when another tenth of the jobs is done or half a minute is over, but
not while nothing has changed, and never within five seconds of the last one.
"""

import time
from collections.abc import Iterator
from typing import TextIO

from canary_wf.report.colour import is_coloured
from canary_wf.report.live.snapshot import Snapshot
from canary_wf.report.live.views.ci_group import Group
from canary_wf.report.live.views.lines import Piece, harmless, painted
from canary_wf.report.live.views.wording import ahead, announcements, sums

_EVERY = 30.0
_LEAST = 5.0
_PARTS = 10
_SILENCE = 300.0
"""Seconds after which a line comes although nothing has changed: services end what says nothing for long."""


class LogView:
    """The view as lines in `file`, all of them in `group` if there is one."""

    was_resized = False

    def __init__(self, file: TextIO, group: Group | None = None) -> None:
        self._file = file
        self._group = group
        self._coloured = is_coloured(file)
        self._last = time.monotonic()
        self._part = 0
        self._said = ""
        self._note = ""
        self._waits: set[str] = set()

    def show(self, snapshot: Snapshot, note: str = "") -> None:
        """Write what is new in `snapshot`; `note` comes once."""
        self._write(list(self._new(snapshot, note)))

    def close(self) -> None:
        """End the group."""
        if self._group is not None:
            self._file.write(self._group.end())
            self._file.flush()

    def _new(self, snapshot: Snapshot, note: str) -> Iterator[str]:
        if self._group is not None and (begin := self._group.begin(snapshot.total)):
            yield begin
        for said in announcements(snapshot):
            name = harmless(f"{said.name}{said.text}", self._file.encoding)
            yield painted([Piece(said.word, said.style), Piece(f" {name}\n")], coloured=self._coloured)
        if self._is_due(snapshot):
            yield f"{self._sums(snapshot)}\n"
        waits = {wait.what: str(wait) for wait in snapshot.waits if wait.is_outside}
        for what in waits.keys() - self._waits:
            yield f"{harmless(waits[what], self._file.encoding)}\n"
        self._waits |= waits.keys()
        if note and note != self._note:
            yield f"{harmless(note, self._file.encoding)}\n"
        self._note = note

    def _is_due(self, snapshot: Snapshot) -> bool:
        since = time.monotonic() - self._last
        if since < _LEAST:
            return False
        part = _PARTS * snapshot.done // max(1, snapshot.total)
        has_changed = since >= _EVERY and self._sums(snapshot, with_time=False) != self._said
        if part <= self._part and not has_changed and since < _SILENCE:
            return False
        self._part, self._last, self._said = part, time.monotonic(), self._sums(snapshot, with_time=False)
        return True

    @staticmethod
    def _sums(snapshot: Snapshot, *, with_time: bool = True) -> str:
        parts = [piece.text for piece in sums(snapshot)] + ([ahead(snapshot)] if with_time and ahead(snapshot) else [])
        return f"[{snapshot.done}/{snapshot.total}] {', '.join(parts)}"

    def _write(self, lines: list[str]) -> None:
        if lines:
            self._file.write("".join(lines))
            self._file.flush()
