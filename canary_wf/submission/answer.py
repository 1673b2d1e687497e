"""The answer of `sbatch`: the id of a job, or a refusal; and for how long temporary refusals are retried.

The start of a period without an accepted submission is written to a file. So an absent controller delays a run once,
and not once per batch.
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


class TemporaryFailure(Enum):
    """Why a submission failed temporarily: the controller is away, or there are too many jobs."""

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

    Other lines, which a site may print, are ignored. Returns None if no line has that form, or several differ.
    """
    found = {match[1] for line in output.splitlines() if (match := _ID.fullmatch(line.strip())) is not None}
    return found.pop() if len(found) == 1 else None


def temporary_failure(message: str) -> TemporaryFailure | None:
    """Return the temporary cause of a failed submission with this message, or None if it is permanent."""
    if _LIMIT.search(message):
        return TemporaryFailure.LIMIT
    return TemporaryFailure.CONTROLLER if _CONTROLLER.search(message) else None


VARIABLE = "CANARY_WF_SUBMIT_SECONDS"
SECONDS = 600.0
"""Seconds that Slurm may accept no batch because its controller is away."""

LIMIT_FACTOR = 6
"""The factor for refusals because of too many jobs, where each job that ends makes room."""

_LONGEST_NOTE = 100
_LONGEST_PAUSE = 60.0
_FORGOTTEN = 3 * _LONGEST_PAUSE
"""Seconds after which a note belongs to another run, or to another absence of the controller."""


class RetryBudget:
    """The time left for retries; `note` is the file that all submissions of a run share.

    The file `shown`, if given, contains the reason of the refusals, from `show` until `over`.
    """

    def __init__(self, note: Path, shown: Path | None = None) -> None:
        self._note = note
        self._shown = shown
        self._began = time.time()
        self._pause = 1.0
        self._since: float | None = None

    def next_pause(self, failure: TemporaryFailure) -> float | None:
        """Return the seconds to wait before the next attempt, longer each time, or None when the time is up."""
        now = time.time()
        left = self.limit(failure) - (now - self._failing_since(now))
        pause, self._pause = self._pause, min(2 * self._pause, _LONGEST_PAUSE)
        return min(pause, left) if left > 0 else None

    def limit(self, failure: TemporaryFailure) -> float:
        """Return the total time for which submissions that fail for this reason are retried. Raises UsageError."""
        return environment_seconds(VARIABLE, SECONDS) * (LIMIT_FACTOR if failure is TemporaryFailure.LIMIT else 1)

    def show(self, failure: TemporaryFailure, why: str) -> None:
        """Write `why` a submission failed that is retried; if that fails, the reason is only logged."""
        if self._shown is None:
            return
        limit = format_duration(self.limit(failure))
        with suppress(OSError, WorkspaceError):
            self._shown.parent.mkdir(parents=True, exist_ok=True)
            note_waiting(self._shown, f"waiting to be submitted, which is tried for {limit}: {why}", self._began)

    def over(self) -> None:
        """Remove the shown reason."""
        if self._shown is not None:
            with suppress(OSError):
                self._shown.unlink(missing_ok=True)

    def accepted(self) -> None:
        """Note that a submission was accepted."""
        with suppress(OSError):  # the job is submitted all the same, and an old note expires
            self._note.unlink(missing_ok=True)

    def _failing_since(self, now: float) -> float:
        since = now if self._since is None else self._since
        with suppress(OSError, ValueError):
            if now - self._note.stat().st_mtime < _FORGOTTEN:
                since = min(since, float(read_plain(self._note, most=_LONGEST_NOTE)))
        self._since = min(since, now)
        with suppress(OSError, WorkspaceError):  # without a note, each submission measures its own time
            self._note.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(self._note, f"{self._since}\n".encode())
        return self._since
