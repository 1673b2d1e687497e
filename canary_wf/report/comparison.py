"""Two sessions side by side: newly failing, fixed, slower and faster jobs."""

from collections.abc import Sequence

import msgspec

from canary_wf.history.run_times import History, statistics_of
from canary_wf.report.session import SessionState
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.state.record import JobRecord
from canary_wf.verdict.status import Category

SPREADS = 3.0
"""A job counts as slower or faster if its run time differs by more than this many robust standard deviations,"""
LEAST_PART = 0.1
"""and by more than this fraction of the run time before,"""
LEAST_SECONDS = 0.1
"""and by more than this many seconds, which clocks and process starts vary by."""
ONE_RUN_RATIO = 1.5
"""The ratio that counts as a change if only one earlier run is known, which has no deviation."""


class Difference(msgspec.Struct, frozen=True):
    """One job in both sessions: its outcomes and durations (seconds; None if it did not run).

    `earlier_runs` is the number of runs before the second session on which the judgement of its duration is based.
    """

    id: str
    name: str
    before: str
    after: str
    reason: str | None
    duration_before: float | None
    duration_after: float | None
    earlier_runs: int


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The differences from session `before` to session `after`; a job is in at most one of the first three lists.

    `newly_failing` are jobs that fail and did not fail before (new jobs included), `fixed` are jobs that pass and
    failed before, `still_failing` are jobs that fail in both. Jobs that pass in both may be `slower` or `faster`.
    `added` and `removed` are names of jobs that only one of the sessions has, `not_run` those of jobs that have a
    final verdict in the first and none in the second, as when that was stopped.
    """

    before: str
    after: str
    newly_failing: tuple[Difference, ...]
    still_failing: tuple[Difference, ...]
    fixed: tuple[Difference, ...]
    slower: tuple[Difference, ...]
    faster: tuple[Difference, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    not_run: tuple[str, ...]


def compare(before: SessionState, after: SessionState, history: History) -> Comparison:
    """Return the differences between two sessions.

    `history` gives the usual variation of a job's run times. Only runs before the second session count, because that
    session would excuse itself.
    """
    old = {job.id: before.record(job) for job in before.plan.jobs}
    new = {job.id for job in after.plan.jobs}
    lists: dict[str, list[Difference]] = {
        change: [] for change in ("newly_failing", "still_failing", "fixed", "slower", "faster")
    }
    for job in after.plan.jobs:
        earlier, record = old.get(job.id), after.record(job)
        past = _past(job, before, after, history)
        change = _change(earlier, record, past)
        if change is not None:
            lists[change].append(_difference(job, earlier, record, len(past)))
    for change, sign in (("slower", -1), ("faster", 1)):
        lists[change].sort(key=lambda one: sign * _ratio(one))
    return Comparison(
        before=before.plan.session,
        after=after.plan.session,
        added=tuple(job.name for job in after.plan.jobs if job.id not in old),
        removed=tuple(job.name for job in before.plan.jobs if job.id not in new),
        not_run=tuple(
            job.name
            for job in after.plan.jobs
            if job.id in old and old[job.id].status.is_final and after.record(job).status.category is Category.NONE
        ),
        **{change: tuple(found) for change, found in lists.items()},
    )


def _past(job: PlannedJob, before: SessionState, after: SessionState, history: History) -> list[float]:
    """Return the durations of `job` before the session `after` in seconds, including the session `before`."""
    runs = dict(history.runs_before(job.id, after.plan.session))
    took = before.record(job).duration if before.record(job).status.is_pass else None
    return list((runs if took is None else runs | {before.plan.session: took}).values())


def _change(earlier: JobRecord | None, record: JobRecord, past: Sequence[float]) -> str | None:
    failed_before = earlier is not None and earlier.status.counts_as_failed
    if record.status.counts_as_failed:
        return "still_failing" if failed_before else "newly_failing"
    if not record.status.is_pass or earlier is None:
        return None
    if failed_before:
        return "fixed"
    if not earlier.status.is_pass or earlier.duration is None or record.duration is None:
        return None
    difference = record.duration - earlier.duration
    return (
        None
        if abs(difference) <= _usual(earlier.duration, record.duration, past)
        else "slower"
        if difference > 0
        else "faster"
    )


def is_slower(took: float, past: Sequence[float]) -> bool:
    """Return whether a run that `took` so long was slower than the newest of the `past` runs (seconds, oldest first).

    The rule is that of two sessions: more than the variation of the past runs, and than what clocks vary by.
    """
    if not past or took - past[-1] <= max(LEAST_SECONDS, LEAST_PART * past[-1]):
        return False  # most jobs, without their statistics
    return took - past[-1] > _usual(past[-1], took, past)


def _usual(before: float, after: float, past: Sequence[float]) -> float:
    """Return the usual variation of a job's duration, in seconds."""
    if len(past) > 1:
        return max(LEAST_SECONDS, LEAST_PART * before, SPREADS * statistics_of(past).spread)
    shorter = min(before, after)
    return max(LEAST_SECONDS, (ONE_RUN_RATIO - 1) * shorter)


def _difference(job: PlannedJob, earlier: JobRecord | None, record: JobRecord, earlier_runs: int) -> Difference:
    return Difference(
        id=job.id,
        name=job.name,
        before="NONE" if earlier is None else earlier.status.outcome.name,
        after=record.status.outcome.name,
        reason=record.status.reason,
        duration_before=None if earlier is None else earlier.duration,
        duration_after=record.duration,
        earlier_runs=earlier_runs,
    )


def _ratio(one: Difference) -> float:
    return (one.duration_after or 0.0) / (one.duration_before or 1.0)
