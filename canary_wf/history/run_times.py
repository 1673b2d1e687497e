"""Run times and failures of earlier sessions by job id, and their statistics. Estimates use the run times first.

The file `history/runtimes.json` has the last durations (seconds) of each job that passed, and in which of the last
sessions it failed or passed only when it ran again. Each has its session, so that a session that continues after it was
recorded does not count twice.

The centre is the median. The spread is the median absolute deviation, scaled to the standard deviation of a normal
distribution. Both are stable while fewer than half of the runs are outliers (breakdown point 50 %), whereas one run on
a slow node could change a mean or a standard deviation without bound. An outlier has a modified z-score above
3.5 (Iglewicz and Hoaglin, "How to detect and handle outliers", 1993). The mean is that of the other runs.
"""

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import TypeVar

import msgspec

from canary_wf.durations import LONGEST
from canary_wf.errors import WorkspaceError
from canary_wf.files.json_files import encode, read_json, write_json, written_by
from canary_wf.files.locks import file_lock
from canary_wf.state.journal import read_journal
from canary_wf.state.record import JobRecord
from canary_wf.state.session_paths import STATE_FOLDER, SessionPaths
from canary_wf.verdict.status import Category

_Entry = TypeVar("_Entry")

_TO_SIGMA = 1.4826
_OUTLYING = 3.5
_LEAST_SPREAD = 0.02
"""Smallest spread as a share of the median: clocks and file systems cause this much variation."""


class RunStatistics(msgspec.Struct, frozen=True):
    """In seconds: the median, the mean without outliers, and the spread (one robust standard deviation).

    `outliers` is the number of runs that the mean leaves out.
    """

    count: int
    median: float
    mean: float
    spread: float
    outliers: int


def statistics_of(durations: Sequence[float]) -> RunStatistics:
    """Return the statistics of `durations` (seconds, at least one)."""
    middle = median(durations)
    spread = _TO_SIGMA * median(abs(seconds - middle) for seconds in durations)
    limit = _OUTLYING * max(spread, _LEAST_SPREAD * middle)
    usual = [seconds for seconds in durations if abs(seconds - middle) <= limit]
    # If two runs are far apart, both are outliers. The mean is then that of both.
    return RunStatistics(len(durations), middle, fmean(usual or durations), spread, len(durations) - len(usual))


SCHEMA = "canary-wf/history/1"

_MOVE = "move it away; run times are then collected again"

KEPT = 20
"""Durations, failures and retries kept for each job."""

WINDOW = 10
"""Number of last sessions with a verdict of a job over which its failures are counted."""

RECENT = 11
"""Number of last durations that count: the median ignores five outliers and follows a lasting change after six runs."""


class _NamedJob(msgspec.Struct, frozen=True):
    id: str
    name: str
    path: str


class _NamedJobs(msgspec.Struct, frozen=True):
    """The fields of a plan that the history reads."""

    jobs: tuple[_NamedJob, ...]


class History(msgspec.Struct):
    """For each job id its durations, oldest first, as pairs of session and seconds.

    `failures` has the sessions in which a job failed, with the outcome, and `retries` those in which it passed, but not
    on its first run. `forgotten` has for each job id the newest session whose runs no longer count. `names` has the
    name and file (relative to the top of its tree) of each job in the newest session that had it.
    """

    schema: str = SCHEMA
    runtimes: dict[str, list[tuple[str, float]]] = {}
    forgotten: dict[str, str] = {}
    names: dict[str, tuple[str, str]] = {}
    failures: dict[str, list[tuple[str, str]]] = {}
    retries: dict[str, list[str]] = {}

    def estimate(self, job: str) -> float | None:
        """Return the median of the job's last durations (seconds), or None if it never passed."""
        known = self.statistics(job)
        return known.median if known else None

    def statistics(self, job: str) -> RunStatistics | None:
        """Return the statistics of the job's last durations, or None if it never passed."""
        known = self.runtimes.get(job)
        return statistics_of([seconds for _, seconds in known[-RECENT:]]) if known else None

    def runs_before(self, job: str, session: str) -> list[tuple[str, float]]:
        """Return the last runs of `job` before `session`, oldest first, as pairs of session and seconds."""
        return [run for run in self.runtimes.get(job, ()) if is_before(run[0], session)][-RECENT:]

    def before(self, session: str) -> "History":
        """Return the run times that were known before `session`."""
        known = {job: self.runs_before(job, session) for job in self.runtimes}
        return History(runtimes={job: runs for job, runs in known.items() if runs})

    @property
    def jobs(self) -> set[str]:
        """The ids of the jobs of which something is known."""
        return self.runtimes.keys() | self.failures.keys()

    def verdicts(self, job: str) -> list[tuple[str, str | None]]:
        """Return the last sessions in which `job` passed or failed, oldest first, with the outcome of a failure.

        Imported run times of other programs have no session and do not count.
        """
        found: dict[str, str | None] = {name: None for name, _ in self.runtimes.get(job, ()) if name[:1].isdigit()}
        found.update(self.failures.get(job, ()))
        return sorted(found.items())[-WINDOW:]

    def is_flaky(self, job: str) -> bool:
        """Return whether `job` both passed and failed in its last sessions, or in one of them."""
        if job not in self.failures and job not in self.retries:
            return False
        last = self.verdicts(job)
        failed = {session for session, outcome in last if outcome is not None}
        passed = {session for session, _ in self.runtimes.get(job, ())}
        again = {session for session, _ in last}.intersection(self.retries.get(job, ()))
        return 0 < len(failed) < len(last) or bool(again) or not failed.isdisjoint(passed)

    def add(self, job: str, session: str, duration: float) -> None:
        """Add the duration (seconds) of `job`, which passed in `session`, unless that session is forgotten."""
        if session <= self.forgotten.get(job, ""):
            return
        others = [pair for pair in self.runtimes.get(job, []) if pair[0] != session]
        self.runtimes[job] = [*others, (session, round(duration, 4))][-KEPT:]

    def note(self, job: str, session: str, failure: str | None, *, retried: bool) -> None:
        """Note the verdict of `job` in `session`: the outcome of a `failure`, or None if it passed, `retried` or not.

        It replaces what was noted of that session, as the job may have run again. A job that passes in a session in
        which it has failed, as after `rerun`, did not pass on its first run.
        """
        if session <= self.forgotten.get(job, ""):
            return
        retried = retried or session in dict(self.failures.get(job, ())) or session in self.retries.get(job, ())
        failures = [pair for pair in self.failures.get(job, ()) if pair[0] != session]
        retries = [name for name in self.retries.get(job, ()) if name != session]
        _set(self.failures, job, failures if failure is None else [*failures, (session, failure)])
        _set(self.retries, job, [*retries, session] if retried and failure is None else retries)

    def add_older(self, job: str, runs: Iterable[tuple[str, float]]) -> None:
        """Add imported `runs` as older than all known runs. They replace known runs of the same sessions."""
        runs = list(runs)
        sessions = {session for session, _ in runs}
        known = [pair for pair in self.runtimes.get(job, []) if pair[0] not in sessions]
        self.runtimes[job] = [*runs, *known][-KEPT:]

    def add_older_failures(self, other: "History") -> None:
        """Add the failures and retries of an imported history as older than all known ones."""
        for job, failures in other.failures.items():
            _set(self.failures, job, list(({**dict(failures), **dict(self.failures.get(job, ()))}).items()))
        for job, retries in other.retries.items():
            _set(self.retries, job, list(dict.fromkeys([*retries, *self.retries.get(job, ())])))

    def forget(self, job: str, newest: str) -> None:
        """Forget all runs of `job` up to the session `newest`."""
        for known in (self.runtimes, self.names, self.failures, self.retries):
            known.pop(job, None)
        self.forgotten[job] = newest

    def problem(self) -> str | None:
        """Return why the history is not a valid file of this version, or None."""
        if self.schema != SCHEMA:
            return f"is of format {self.schema!r}, not {SCHEMA!r}{written_by(self.schema, SCHEMA)}"
        for job, runs in self.runtimes.items():
            for _, seconds in runs:
                if not (math.isfinite(seconds) and 0 <= seconds <= LONGEST):
                    return f"has {seconds} seconds for job {job!r}"
        return None


def _set(known: "dict[str, list[_Entry]]", job: str, entries: "list[_Entry]") -> None:
    """Let `known` have the last of `entries` for `job`; nothing if there are none."""
    if entries:
        known[job] = entries[-KEPT:]
    else:
        known.pop(job, None)


def history_file(out: Path) -> Path:
    """Return the file of the history of the workspace `out`."""
    return out / STATE_FOLDER / "history" / "runtimes.json"


def load_history(out: Path) -> History:
    """Return the history of the workspace `out`, empty if there is none yet. Raises WorkspaceError for a bad file."""
    path = history_file(out)
    if not os.path.lexists(path):
        return History()
    history: History = read_json(path, History, hint=_MOVE, follow=True)
    problem = history.problem()
    if problem is not None:
        raise WorkspaceError(problem, where=path, hint=_MOVE)
    return history


def is_before(session: str, other: str) -> bool:
    """Return whether the run of `session` was before `other`. Imported runs have no time and count as earlier."""
    return session < other or not session[:1].isdigit()


def record_session(paths: SessionPaths, batches: Iterable[str]) -> None:
    """Add the durations and failures of a session's jobs to the history on the disk."""
    batches = list(batches)
    update_history(paths.out, lambda history: add_session(history, paths, batches))


def add_session(
    history: History,
    paths: SessionPaths,
    batches: Iterable[str],
    names: Mapping[str, tuple[str, str]] | None = None,
) -> None:
    """Add the durations and failures of a session's jobs to `history`, with their `names` (None: as in the plan).

    Raises WorkspaceError for a bad plan.
    """
    for batch in batches:
        try:
            state = read_journal(paths.batch(batch).journal)
        except WorkspaceError:
            continue  # what an unreadable journal holds is unknown
        begun = min((attempt.time for attempt in state.attempts), default=0.0)
        for job, record in state.jobs.items():
            if record.started is None or record.started >= begun:  # else `generate --update` took the verdict over
                _add_record(history, job, paths.session, record)
    if history.runtimes or history.failures:
        known = _names(paths) if names is None else names
        jobs = history.jobs
        history.names |= {job: name for job, name in known.items() if job in jobs}


def _add_record(history: History, job: str, session: str, record: JobRecord) -> None:
    if record.status.is_pass and record.duration is not None:
        history.add(job, session, record.duration)
        if record.earlier or job in history.failures or job in history.retries:
            history.note(job, session, None, retried=record.is_flaky)
    elif record.status.category is Category.FAIL:
        history.note(job, session, record.status.outcome.name, retried=False)


def _names(paths: SessionPaths) -> dict[str, tuple[str, str]]:
    """Return name and file of the jobs of a session."""
    plan: _NamedJobs = read_json(paths.plan, _NamedJobs)
    return {job.id: (job.name, job.path) for job in plan.jobs}


def update_history(out: Path, change: Callable[[History], None]) -> History:
    """Apply `change` to the history of `out` on the disk, under a lock, and return the history.

    Raises WorkspaceError for a bad file, and if it cannot be written.
    """
    path = history_file(out)
    with file_lock(path.with_suffix(".lock")):
        history = load_history(out)
        before = encode(history)
        change(history)
        if encode(history) != before:
            write_json(path, history)
    return history
