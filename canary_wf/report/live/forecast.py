"""How far a run is and when it is expected to end, by the plan's estimates and what ran so far."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from canary_wf.batch.cluster_simulator import run_on_cluster
from canary_wf.plan.time_left import Correction, Expected, batch_left, rate_of
from canary_wf.report.session import SessionState
from canary_wf.spec.batch_slice import PlannedBatch
from canary_wf.state.record import JobRecord
from canary_wf.verdict.status import JobPhase


class Ran(Protocol):
    """What became of a job so far: times are epoch seconds and seconds."""

    @property
    def phase(self) -> JobPhase:
        """How far it is."""

    @property
    def started(self) -> float | None:
        """When it started."""

    @property
    def duration(self) -> float | None:
        """How long it ran, once that is known."""


class Batch(Protocol):
    """A batch of a plan, as far as its run time goes."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def jobs(self) -> tuple[str, ...]:
        """The ids of its jobs."""

    @property
    def dependencies(self) -> tuple[str, ...]:
        """The ids of the batches that it waits for."""

    @property
    def nodes(self) -> int:
        """How many nodes it takes."""

    @property
    def runtime(self) -> float:
        """How long its schedule is (seconds)."""


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
    """Return how far `state` is at the time `now` (epoch seconds), and how long the rest takes."""
    records = {job.id: state.record(job) for job in state.plan.jobs}
    left = time_left(state.plan.jobs, state.plan.batches, records.__getitem__, now, scheduler=state.plan.scheduler)
    batches = tuple(
        _progress(batch, [records[job] for job in batch.jobs], remaining)
        for batch, remaining in zip(state.plan.batches, left.batches, strict=True)
    )
    started = min((batch.started for batch in batches if batch.started is not None), default=None)
    return Forecast(batches, started, left.whole)


class TimeLeft(msgspec.Struct, frozen=True):
    """Seconds: of each batch, in their order, and of all of them together."""

    batches: tuple[float, ...]
    whole: float


def time_left(
    jobs: Iterable[Expected],
    batches: Sequence[Batch],
    record: Callable[[str], Ran],
    now: float,
    *,
    scheduler: str,
) -> TimeLeft:
    """Return how long `batches` of `jobs` still take at the time `now`, where `record` says what is known of a job.

    As many nodes are reckoned with as are busy now.
    """
    known = {job.id: job for job in jobs}
    correction = Correction()
    for job in known.values():
        if record(job.id).phase is JobPhase.DONE and (seconds := record(job.id).duration) is not None:
            correction.learn(job, seconds)
    left = tuple(_batch_left([known[job] for job in batch.jobs], batch, record, now, correction) for batch in batches)
    return TimeLeft(left, _whole(batches, left, record, scheduler))


def _batch_left(
    jobs: Sequence[Expected], batch: Batch, record: Callable[[str], Ran], now: float, correction: Correction
) -> float:
    waiting, running = 0.0, []
    for job in jobs:
        seen = record(job.id)
        if seen.phase is JobPhase.RUNNING and seen.started is not None:
            running.append(correction.running(job, now - seen.started))
        elif seen.phase is not JobPhase.DONE:
            waiting += correction.waiting(job)
    rate = rate_of(batch.runtime, sum(job.runtime for job in jobs))
    return batch_left(rate, waiting + sum(running), running)


def _progress(batch: PlannedBatch, records: Sequence[JobRecord], remaining: float) -> BatchProgress:
    done = [record for record in records if record.phase is JobPhase.DONE]
    return BatchProgress(
        batch=batch,
        done=len(done),
        failed=sum(record.status.counts_as_failed for record in done),
        running=sum(record.phase is JobPhase.RUNNING for record in records),
        started=min((record.started for record in records if record.started is not None), default=None),
        remaining=remaining,
    )


def _whole(batches: Sequence[Batch], left: Sequence[float], record: Callable[[str], Ran], scheduler: str) -> float:
    place: Mapping[str, int] = {batch.id: number for number, batch in enumerate(batches)}
    seen = [[record(job) for job in batch.jobs] for batch in batches]
    done = [all(one.phase is JobPhase.DONE for one in ran) for ran in seen]
    upstream = [[place[name] for name in batch.dependencies if not done[place[name]]] for batch in batches]
    widths = [batch.nodes for batch in batches]
    begun = [any(one.started is not None for one in ran) for ran in seen]
    busy = sum(width for width, over, began in zip(widths, done, begun, strict=True) if began and not over)
    nodes: int | None = max(busy, *widths) if busy or scheduler == "local" else None
    return run_on_cluster(left, upstream, nodes=nodes, widths=widths).makespan
