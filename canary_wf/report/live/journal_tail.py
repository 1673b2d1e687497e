"""Reads the journal of a live runner again and again: of one that has only grown, nothing but the new lines.

A view that looks every second at a hundred journals of a thousand jobs could do nothing else if it read them whole.
"""

import os
from pathlib import Path

import msgspec

from canary_wf.files.plain_files import open_plain
from canary_wf.state.events import AttemptEnded, AttemptStarted
from canary_wf.state.journal import BatchState, event_of, owner_of


class JournalTail:
    """One journal, and the `state` that its lines add up to so far."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begin(None)

    def _begin(self, identity: tuple[int, int] | None) -> None:
        self.state = BatchState()
        self._identity = identity
        self._read = 0
        self._owner = ""

    def look(self) -> set[str] | None:
        """Read on; return the ids of the jobs in the new lines, or None when the journal was read from its beginning.

        Lines that are not events are skipped, and so is a line that is still being written. Raises OSError.
        """
        with open_plain(self._path) as file:
            found = os.fstat(file.fileno())
            identity = found.st_dev, found.st_ino
            is_new = identity != self._identity or found.st_size < self._read
            if is_new:
                self._begin(identity)
            file.seek(self._read)
            content = file.read(found.st_size - self._read)
        whole = content[: content.rfind(b"\n") + 1]
        self._read += len(whole)
        jobs = self._apply(whole)
        return None if is_new else jobs

    def _apply(self, lines: bytes) -> set[str]:
        jobs = set()
        for line in filter(None, lines.split(b"\n")):
            try:
                event = event_of(line)
            except (msgspec.MsgspecError, ValueError, RecursionError):
                continue
            if isinstance(event, AttemptStarted):
                self._owner = owner_of(event)
            if event.by and event.by != self._owner:
                continue
            self.state.apply(event)
            if not isinstance(event, AttemptStarted | AttemptEnded):
                jobs.add(event.job)
        return jobs
