"""Run times of earlier sessions, by job id: what an estimate knows before anything else.

One file, `history/runtimes.json`: the last durations (seconds) of each job that did what was expected of it, each with
its session, so that a session that goes on after it was recorded does not count twice. What the durations say together
is in `job.run_statistics`.

The middle is the median, the spread the median absolute deviation scaled to the standard deviation of a normal
distribution: both stay where they are while fewer than half of the runs are odd (breakdown point 50 %), where one run
on a slow node would move a mean or a standard deviation without bound. A run is odd when its modified z-score is above
3.5 (Iglewicz and Hoaglin, "How to detect and handle outliers", 1993); the mean is that of the others.
"""

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean, median

import msgspec

from canary_wf.durations import LONGEST
from canary_wf.errors import WorkspaceError
from canary_wf.files.json_files import encode, read_json, write_json, written_by
from canary_wf.files.locks import file_lock
from canary_wf.state.journal import read_journal
from canary_wf.state.session_paths import STATE_FOLDER, SessionPaths

_TO_SIGMA = 1.4826
_ODD = 3.5
_LEAST_SPREAD = 0.02
"""Part of the median below which runs do not differ: clocks and file systems do that much."""


class RunStatistics(msgspec.Struct, frozen=True):
    """Seconds: the median, the mean of the runs that are not odd, and the spread (one robust standard deviation)."""

    count: int
    median: float
    mean: float
    spread: float
    odd: int


def statistics_of(durations: Sequence[float]) -> RunStatistics:
    """Return what `durations` (seconds, at least one) say together."""
    middle = median(durations)
    spread = _TO_SIGMA * median(abs(seconds - middle) for seconds in durations)
    limit = _ODD * max(spread, _LEAST_SPREAD * middle)
    usual = [seconds for seconds in durations if abs(seconds - middle) <= limit]
    # With two far apart neither is usual, and both are all that is known.
    return RunStatistics(len(durations), middle, fmean(usual or durations), spread, len(durations) - len(usual))


SCHEMA = "canary-wf/history/1"

_MOVE = "move it away; run times are then learnt anew"

KEPT = 20
"""Durations kept for each job."""

RECENT = 11
"""Of them, those that count: up to five odd ones do not move the median, and a lasting change does after six."""


class _NamedJob(msgspec.Struct, frozen=True):
    id: str
    name: str
    path: str


class _NamedJobs(msgspec.Struct, frozen=True):
    """What the history takes of a plan."""

    jobs: tuple[_NamedJob, ...]


class History(msgspec.Struct):
    """For each job id its durations, oldest first, as pairs of session and seconds.

    `forgotten` has for each job id the newest session whose runs no longer count, `names` the job's name and file (from
    the top of its tree) in the newest session that had it.
    """

    schema: str = SCHEMA
    runtimes: dict[str, list[tuple[str, float]]] = {}
    forgotten: dict[str, str] = {}
    names: dict[str, tuple[str, str]] = {}

    def estimate(self, job: str) -> float | None:
        """Return the median of the job's last durations (seconds), or None when it never ran well."""
        known = self.statistics(job)
        return known.median if known else None

    def statistics(self, job: str) -> RunStatistics | None:
        """Return what the job's last durations say together, or None when it never ran well."""
        known = self.runtimes.get(job)
        return statistics_of([seconds for _, seconds in known[-RECENT:]]) if known else None

    def runs_before(self, job: str, session: str) -> list[tuple[str, float]]:
        """Return the last runs of `job` that were before `session`, oldest first, as pairs of session and seconds."""
        return [run for run in self.runtimes.get(job, ()) if is_before(run[0], session)][-RECENT:]

    def add(self, job: str, session: str, duration: float) -> None:
        """Take the duration (seconds) of `job` in `session` into account, unless that session is forgotten."""
        if session <= self.forgotten.get(job, ""):
            return
        others = [pair for pair in self.runtimes.get(job, []) if pair[0] != session]
        self.runtimes[job] = [*others, (session, round(duration, 4))][-KEPT:]

    def add_older(self, job: str, runs: Iterable[tuple[str, float]]) -> None:
        """Take `runs` from elsewhere into account: older than all that are known, newer than those of that session."""
        runs = list(runs)
        sessions = {session for session, _ in runs}
        known = [pair for pair in self.runtimes.get(job, []) if pair[0] not in sessions]
        self.runtimes[job] = [*runs, *known][-KEPT:]

    def forget(self, job: str, newest: str) -> None:
        """Let no run of `job` up to the session `newest` count any more."""
        self.runtimes.pop(job, None)
        self.names.pop(job, None)
        self.forgotten[job] = newest

    def problem(self) -> str | None:
        """Return what is wrong with the history as a file of this version, or None."""
        if self.schema != SCHEMA:
            return f"is of format {self.schema!r}, not {SCHEMA!r}{written_by(self.schema, SCHEMA)}"
        for job, runs in self.runtimes.items():
            for _, seconds in runs:
                if not (math.isfinite(seconds) and 0 <= seconds <= LONGEST):
                    return f"has {seconds} seconds for job {job!r}"
        return None


def history_file(out: Path) -> Path:
    """Return where the history of the workspace `out` lies."""
    return out / STATE_FOLDER / "history" / "runtimes.json"


def load_history(out: Path) -> History:
    """Return the history of the workspace `out`, empty when there is none yet. Raises WorkspaceError for a bad file."""
    path = history_file(out)
    if not os.path.lexists(path):
        return History()
    history: History = read_json(path, History, hint=_MOVE, follow=True)
    problem = history.problem()
    if problem is not None:
        raise WorkspaceError(problem, where=path, hint=_MOVE)
    return history


def is_before(session: str, other: str) -> bool:
    """Return whether the run of `session` was before `other`; those from elsewhere have no time and are."""
    return session < other or not session[:1].isdigit()


def record_session(paths: SessionPaths, batches: Iterable[str]) -> None:
    """Add the durations of a session's jobs to the history on the disk."""
    batches = list(batches)
    update_history(paths.out, lambda history: add_session(history, paths, batches))


def add_session(
    history: History,
    paths: SessionPaths,
    batches: Iterable[str],
    names: Mapping[str, tuple[str, str]] | None = None,
) -> None:
    """Add the durations of a session's jobs to `history`, with their `names`, which the plan has where None.

    Raises WorkspaceError for a bad plan.
    """
    for batch in batches:
        try:
            records = read_journal(paths.batch(batch).journal).jobs
        except WorkspaceError:
            continue  # run times that cannot be read are not known
        for job, record in records.items():
            if record.status.is_pass and record.duration is not None:
                history.add(job, paths.session, record.duration)
    if history.runtimes:
        known = _names(paths) if names is None else names
        history.names |= {job: name for job, name in known.items() if job in history.runtimes}


def _names(paths: SessionPaths) -> dict[str, tuple[str, str]]:
    """Return name and file of the jobs of a session."""
    plan: _NamedJobs = read_json(paths.plan, _NamedJobs)
    return {job.id: (job.name, job.path) for job in plan.jobs}


def update_history(out: Path, change: Callable[[History], None]) -> History:
    """Let `change` alter the history of `out` on the disk, while nobody else does; return it.

    Raises WorkspaceError for a bad file, and when it cannot be written.
    """
    path = history_file(out)
    with file_lock(path.with_suffix(".lock")):
        history = load_history(out)
        before = encode(history)
        change(history)
        if encode(history) != before:
            write_json(path, history)
    return history
