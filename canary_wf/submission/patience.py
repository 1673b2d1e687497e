"""How long submissions that fail for a passing reason are tried again, all of a run's together.

The time since when none was taken stands in a file, so that a controller that stays away costs a run this time once and
not for each batch.
"""

import time
from contextlib import suppress
from pathlib import Path

from canary_wf.durations import environment_seconds
from canary_wf.errors import WorkspaceError
from canary_wf.json_files import write_atomic
from canary_wf.plain_files import read_plain
from canary_wf.submission.answer import Passing

VARIABLE = "CANARY_WF_SUBMIT_SECONDS"
SECONDS = 600.0
"""How long Slurm may take no batch because its controller is away."""

LIMIT_FACTOR = 6
"""That many times as long it may do so because too many jobs are there, of which each that ends makes room."""

_LONGEST_NOTE = 100
_LONGEST_PAUSE = 60.0
_FORGOTTEN = 3 * _LONGEST_PAUSE
"""A note that is so old is of another run, or of another time that the controller was away."""


class Patience:
    """What is left of the time; `note` is the file that all submissions of a run share."""

    def __init__(self, note: Path) -> None:
        self._note = note
        self._pause = 1.0
        self._since: float | None = None

    def next_pause(self, kind: Passing) -> float | None:
        """Return the seconds to wait before the next try, each time more, or None when the time is up."""
        now = time.time()
        left = self.limit(kind) - (now - self._failing_since(now))
        pause, self._pause = self._pause, min(2 * self._pause, _LONGEST_PAUSE)
        return min(pause, left) if left > 0 else None

    def limit(self, kind: Passing) -> float:
        """Return for how long in all submissions that fail for this reason are tried again. Raises UsageError."""
        return environment_seconds(VARIABLE, SECONDS) * (LIMIT_FACTOR if kind is Passing.LIMIT else 1)

    def taken(self) -> None:
        """Note that a submission was taken."""
        with suppress(OSError):  # the job is submitted all the same, and an old note is forgotten
            self._note.unlink(missing_ok=True)

    def _failing_since(self, now: float) -> float:
        since = now if self._since is None else self._since
        with suppress(OSError, ValueError):
            if now - self._note.stat().st_mtime < _FORGOTTEN:
                since = min(since, float(read_plain(self._note, most=_LONGEST_NOTE)))
        self._since = min(since, now)
        with suppress(OSError, WorkspaceError):  # where no note can be written, each submission counts its own time
            self._note.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(self._note, f"{self._since}\n".encode())
        return self._since
