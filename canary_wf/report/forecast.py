"""How far a run is and when it is expected to end, by the plan's estimates and what ran so far."""

from collections.abc import Mapping, Sequence

import msgspec

from canary_wf.batch.cluster import run_on_cluster
from canary_wf.job.phase import JobPhase
from canary_wf.job.record import JobRecord
from canary_wf.plan.batch_slice import PlannedBatch, PlannedJob
from canary_wf.report.session import SessionState

_ENOUGH = 60.0
"""Seconds of expected work that must have run before the estimates are corrected by it."""
_MOST_CORRECTION = 10.0


class BatchProgress(msgspec.Struct, frozen=True):
    """One batch: how many jobs have a verdict, how many run, and how long it still is expected to take (seconds)."""

    batch: PlannedBatch
    done: int
    failed: int
    running: int
    started: float | None
    remaining: float

    @property
    def is_done(self) -> bool:
        """Whether all its jobs have a verdict."""
        return self.done == len(self.batch.jobs)

    @property
    def is_running(self) -> bool:
        """Whether it began and is not done."""
        return self.started is not None and not self.is_done


class Forecast(msgspec.Struct, frozen=True):
    """The batches in the plan's order, when the first job started, and the seconds until all are done."""

    batches: tuple[BatchProgress, ...]
    started: float | None
    remaining: float


def forecast(state: SessionState, now: float) -> Forecast:
    """Return how far `state` is at the time `now` (epoch seconds), and how long the rest takes.

    As many nodes are reckoned with as are busy now. What jobs took so far, beside what was expected of them, corrects
    the estimates of the others.
    """
    jobs = {job.id: job for job in state.plan.jobs}
    factor = _correction(state)
    batches = tuple(
        _progress(batch, [jobs[job] for job in batch.jobs], state, now, factor) for batch in state.plan.batches
    )
    started = min((batch.started for batch in batches if batch.started is not None), default=None)
    return Forecast(batches, started, _remaining(state, batches))


def _progress(
    batch: PlannedBatch, jobs: Sequence[PlannedJob], state: SessionState, now: float, factor: float
) -> BatchProgress:
    records = {job.id: state.record(job) for job in jobs}
    done = [record for record in records.values() if record.phase is JobPhase.DONE]
    left = {job.id: _left(job, records[job.id], now, factor) for job in jobs}
    work = sum(job.runtime for job in jobs)
    # A batch is as long as its schedule, of which the part remains that its work does, and never less than its
    # longest job.
    share = sum(left.values()) / work if work else 0.0
    return BatchProgress(
        batch=batch,
        done=len(done),
        failed=sum(record.status.counts_as_failed for record in done),
        running=sum(record.phase is JobPhase.RUNNING for record in records.values()),
        started=_first_start(records),
        remaining=max(batch.runtime * share, *left.values()),
    )


def _left(job: PlannedJob, record: JobRecord, now: float, factor: float) -> float:
    """Return the seconds that `job` is expected to take from now on."""
    if record.phase is JobPhase.DONE:
        return 0.0
    expected = job.runtime * factor
    return expected if record.started is None else max(0.0, expected - (now - record.started))


def _first_start(records: Mapping[str, JobRecord]) -> float | None:
    return min((record.started for record in records.values() if record.started is not None), default=None)


def _correction(state: SessionState) -> float:
    """Return how many times longer jobs took than they were expected to, once that can be said."""
    ran = [(job.runtime, seconds) for job in state.plan.jobs if (seconds := state.record(job).duration) is not None]
    expected = sum(runtime for runtime, _ in ran)
    if expected < _ENOUGH:
        return 1.0
    return min(_MOST_CORRECTION, max(1 / _MOST_CORRECTION, sum(seconds for _, seconds in ran) / expected))


def _remaining(state: SessionState, batches: Sequence[BatchProgress]) -> float:
    place = {progress.batch.id: number for number, progress in enumerate(batches)}
    upstream = [
        [place[name] for name in progress.batch.dependencies if not batches[place[name]].is_done]
        for progress in batches
    ]
    widths = [progress.batch.nodes for progress in batches]
    busy = sum(progress.batch.nodes for progress in batches if progress.is_running)
    nodes: int | None = max(busy, *widths) if busy or state.plan.scheduler == "local" else None
    return run_on_cluster([batch.remaining for batch in batches], upstream, nodes=nodes, widths=widths).makespan
