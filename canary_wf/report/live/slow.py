"""Which running jobs are slow: they run clearly longer than their earlier runs, while their limit is still ahead.

A job is slow once it has run longer than usual by ten seconds, by half of its usual time and by three times its usual
deviation, whichever is most, or once half of the time between its usual time and its limit is over, if that is sooner.
The usual time is the median of the earlier runs (`history/run_times.py`). A job without earlier runs is never slow.
"""

import time
from collections.abc import Iterable, Mapping

from canary_wf.errors import CanaryWfError
from canary_wf.history.run_times import load_history, statistics_of
from canary_wf.report.live.run_reader import RunJob
from canary_wf.state.session_paths import SessionPaths

LEAST_SECONDS = 10.0
LEAST_PART = 0.5
SPREADS = 3.0
_BETWEEN_USUAL_AND_LIMIT = 0.5
_SHARE = 20
"""Reading the history takes at most this fraction of the time (its reciprocal)."""

_AGAIN = 10.0
"""Seconds until a history that could not be read is read again."""


def slow_after(usual: float, spread: float, limit: float) -> float:
    """Return the seconds after which a job is slow that `usual`ly takes so long, with this `spread`."""
    most = usual + _BETWEEN_USUAL_AND_LIMIT * max(0.0, limit - usual)
    return min(most, usual + max(LEAST_SECONDS, LEAST_PART * usual, SPREADS * spread))


class SlowJobs:
    """Tells the slow ones of a session's running jobs; it reads the history once a job may be slow."""

    def __init__(self, paths: SessionPaths) -> None:
        self._paths = paths
        self._known: dict[str, float] = {}
        self._guessed: dict[str, float] = {}
        self._next = 0.0

    def among(self, running: Iterable[tuple[RunJob, float]]) -> set[str]:
        """Return the ids of those of the jobs that are slow, each given with the seconds it has run."""
        candidates = {
            job.id: (job, seconds)
            for job, seconds in running
            if job.runtime_source == "history" and seconds > slow_after(job.runtime, 0.0, job.limit)
        }
        unknown = {name: job for name, (job, _) in candidates.items() if name not in self._known}
        if unknown and time.monotonic() >= self._next:
            self._learn(unknown)
        after = {**self._guessed, **self._known}
        return {name for name, (_, seconds) in candidates.items() if seconds > after.get(name, float("inf"))}

    def _learn(self, jobs: Mapping[str, RunJob]) -> None:
        began = time.monotonic()
        try:
            history = load_history(self._paths.out)
        except (CanaryWfError, OSError):
            history = None  # `status` says what is wrong with it; it is read again later
        learnt = self._guessed if history is None else self._known
        for name, job in jobs.items():
            runs = [seconds for _, seconds in history.runs_before(name, self._paths.session)] if history else []
            found = statistics_of(runs or [job.runtime])
            learnt[name] = slow_after(found.median, found.spread, job.limit)
        pause = _SHARE * (time.monotonic() - began)
        self._next = time.monotonic() + (max(pause, _AGAIN) if history is None else pause)
