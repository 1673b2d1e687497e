"""What `sbatch` answers: the id of a job, or a refusal; and how long passing refusals are tried again.

The time since when none was taken stands in a file, so that a controller that stays away costs a run this time once and
not for each batch.
"""

import re
import time
from contextlib import suppress
from enum import Enum
from pathlib import Path

from canary_wf.durations import environment_seconds, format_duration
from canary_wf.errors import WorkspaceError
from canary_wf.files.json_files import write_atomic
from canary_wf.files.plain_files import read_plain
from canary_wf.state.waiting import note_waiting

_ID = re.compile(r"(\d+)(?:;[\w.-]+)?")


class Passing(Enum):
    """Why a submission failed that may well be taken later: the controller is away, or too many jobs are there."""

    CONTROLLER = "controller"
    LIMIT = "limit"


_LIMIT = re.compile(r"(?:QOS|Assoc)(?:Max|Grp)\w*Submit\w*|Reached.*submit.* limit|MaxSubmitJobs", re.IGNORECASE)
_CONTROLLER = re.compile(
    r"socket timed out|unable to contact slurm controller|resource temporarily unavailable"
    r"|temporarily unable to accept job|communication connection failure|zero bytes were transmitted or received"
    r"|transport endpoint is not connected|message (?:receive|send) failure|connection (?:refused|reset|timed out)"
    r"|unable to establish (?:controller machine|configuration source)|backup controller|in standby mode"
    r"|unexpected message received|no route to host|network is unreachable|cannot allocate memory"
    r"|too many (?:pending|open) |rate.?limit|insane message length|munge.{0,40}(?:connect|unavailable|refused)",
    re.IGNORECASE,
)


def job_id_in(output: str) -> str | None:
    """Return the id that `sbatch --parsable` printed as ``id`` or ``id;cluster`` on a line of its own.

    Whatever a site has it print before or behind is passed over. None when no line has that form, or several differ.
    """
    found = {match[1] for line in output.splitlines() if (match := _ID.fullmatch(line.strip())) is not None}
    return found.pop() if len(found) == 1 else None


def passing(told: str) -> Passing | None:
    """Return why a submission that failed with these words may be taken later, or None when it will not."""
    if _LIMIT.search(told):
        return Passing.LIMIT
    return Passing.CONTROLLER if _CONTROLLER.search(told) else None


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
    """What is left of the time; `note` is the file that all submissions of a run share.

    The file `shown`, where one is given, says why Slurm takes nothing, from `show` until `over`.
    """

    def __init__(self, note: Path, shown: Path | None = None) -> None:
        self._note = note
        self._shown = shown
        self._began = time.time()
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

    def show(self, kind: Passing, why: str) -> None:
        """Write `why` a submission failed that is tried again; where that cannot be written, it is only logged."""
        if self._shown is None:
            return
        limit = format_duration(self.limit(kind))
        with suppress(OSError, WorkspaceError):
            self._shown.parent.mkdir(parents=True, exist_ok=True)
            note_waiting(self._shown, f"waiting to be submitted, which is tried for {limit}: {why}", self._began)

    def over(self) -> None:
        """Show nothing any more."""
        if self._shown is not None:
            with suppress(OSError):
                self._shown.unlink(missing_ok=True)

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
