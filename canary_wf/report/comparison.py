"""Two sessions side by side: which jobs fail now, which were mended, and which take longer or shorter than before."""

from collections.abc import Sequence

import msgspec

from canary_wf.history.run_times import History, statistics_of
from canary_wf.report.session import SessionState
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.state.record import JobRecord

SPREADS = 3.0
"""A job is slower or faster when it differs by more than this many spreads (robust standard deviations) of its runs,"""
LEAST_PART = 0.1
"""by more than this part of what it took before,"""
LEAST_SECONDS = 0.1
"""and by more than this, which clocks and process starts do by themselves."""
ONE_RUN_RATIO = 1.5
"""The ratio from which a run time is a change where one earlier run, which has no spread, is all there is."""


class Difference(msgspec.Struct, frozen=True):
    """One job in both sessions: its outcomes and durations (seconds; None where it did not run).

    `earlier_runs` counts the runs before the second session by which its duration is judged.
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
    """What differs from session `before` to session `after`; a job is in at most one of the first three lists.

    `newly_failing` are jobs that fail and did not fail before (those that are new among them), `fixed` those that pass
    and failed before, `still_failing` those that fail in both. Jobs that pass in both may be `slower` or `faster`.
    `added` and `removed` are names of jobs that only one of the sessions has.
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


def compare(before: SessionState, after: SessionState, history: History) -> Comparison:
    """Return what differs between two sessions.

    `history` says how much the run times of a job usually differ: those before the session that is judged, as that
    one would excuse itself.
    """
    old = {job.id: before.record(job) for job in before.plan.jobs}
    new = {job.id for job in after.plan.jobs}
    lists: dict[str, list[Difference]] = {
        kind: [] for kind in ("newly_failing", "still_failing", "fixed", "slower", "faster")
    }
    for job in after.plan.jobs:
        earlier, record = old.get(job.id), after.record(job)
        past = _past(job, before, after, history)
        kind = _kind(earlier, record, past)
        if kind is not None:
            lists[kind].append(_difference(job, earlier, record, len(past)))
    for kind, sign in (("slower", -1), ("faster", 1)):
        lists[kind].sort(key=lambda one: sign * _ratio(one))
    return Comparison(
        before=before.plan.session,
        after=after.plan.session,
        added=tuple(job.name for job in after.plan.jobs if job.id not in old),
        removed=tuple(job.name for job in before.plan.jobs if job.id not in new),
        **{kind: tuple(found) for kind, found in lists.items()},
    )


def _past(job: PlannedJob, before: SessionState, after: SessionState, history: History) -> list[float]:
    """Return what `job` took before the session `after`, in seconds, the session `before` among it."""
    runs = dict(history.runs_before(job.id, after.plan.session))
    took = before.record(job).duration if before.record(job).status.is_pass else None
    return list((runs if took is None else runs | {before.plan.session: took}).values())


def _kind(earlier: JobRecord | None, record: JobRecord, past: Sequence[float]) -> str | None:
    failed_before = earlier is not None and earlier.status.counts_as_failed
    if record.status.counts_as_failed:
        return "still_failing" if failed_before else "newly_failing"
    if not record.status.is_pass or earlier is None:
        return None
    if failed_before:
        return "fixed"
    if not earlier.status.is_pass or earlier.duration is None or record.duration is None:
        return None
    change = record.duration - earlier.duration
    return (
        None if abs(change) <= _usual(earlier.duration, record.duration, past) else "slower" if change > 0 else "faster"
    )


def _usual(before: float, after: float, past: Sequence[float]) -> float:
    """Return by how many seconds a job's time usually differs."""
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
