"""The time that jobs and batches still need, for the runner's log, `status`, the live view and Snakemake's line.

A running job needs its expected run time less the time it has run. A waiting job needs all of it. The ratio of actual
to expected run times so far corrects the expectations of other jobs, separately for each source of the expectation: the
ratio for the default (a share of the time limit) says nothing about declared run times.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from canary_wf.durations import format_duration
from canary_wf.spec.batch_slice import PlannedBatch, RuntimeSource
from canary_wf.verdict.status import JobPhase

_ENOUGH = 60.0
"""Seconds of expected work of one source that must have run before its estimates are corrected."""
_MOST_CORRECTION = 10.0


class Expected(Protocol):
    """A job of a plan with its expected run time in seconds."""

    @property
    def id(self) -> str:
        """The id of the job."""

    @property
    def runtime(self) -> float:
        """The expected run time."""

    @property
    def runtime_source(self) -> RuntimeSource:
        """The source of the expected run time."""


class Correction:
    """The ratio of actual to expected run times, by the source of the expectation."""

    def __init__(self) -> None:
        self._expected: dict[RuntimeSource, float] = {}
        self._took: dict[RuntimeSource, float] = {}

    def learn(self, job: Expected, seconds: float) -> None:
        """Record that `job` took `seconds`."""
        source = job.runtime_source
        self._expected[source] = self._expected.get(source, 0.0) + job.runtime
        self._took[source] = self._took.get(source, 0.0) + seconds

    def factor(self, source: RuntimeSource) -> float:
        """Return the factor by which estimates from `source` are multiplied."""
        expected = self._expected.get(source, 0.0)
        if expected < _ENOUGH:
            return 1.0
        return min(_MOST_CORRECTION, max(1 / _MOST_CORRECTION, self._took[source] / expected))

    def waiting(self, job: Expected) -> float:
        """Return the seconds that the waiting `job` is expected to take."""
        return job.runtime * self.factor(job.runtime_source)

    def running(self, job: Expected, elapsed: float) -> float:
        """Return the seconds that `job` needs after `elapsed`. A correction never shortens known or declared times.

        A job that has outlived a shortened guess needs as long again as it has run, up to the guess as it was.
        """
        factor, elapsed = self.factor(job.runtime_source), max(0.0, elapsed)
        if job.runtime_source != "default":
            factor = max(1.0, factor)
        left = job.runtime * factor - elapsed
        return max(0.0, left if left > 0 else min(elapsed, job.runtime - elapsed))


def rate_of(length: float, work: float) -> float:
    """Return how many seconds of a batch's schedule of `length` pass for one second of its jobs' `work`."""
    # A schedule is never longer than its jobs one after the other.
    return min(1.0, length / work) if work else 0.0


def batch_left(rate: float, work: float, running: Iterable[float]) -> float:
    """Return how long a batch with `work` seconds of work left takes: never less than any of its `running` jobs."""
    return max(work * rate, *running, 0.0)


def left_in_words(seconds: float, after: str = "left") -> str:
    """Return a time that is left, in whole seconds and at least one; or that what runs takes longer than expected."""
    return f"about {format_duration(max(1, round(seconds)))} {after}" if seconds > 0 else "longer than expected"


class BatchTimeLeft:
    """The time left of one batch, from the work of its waiting jobs and the rest of its running jobs.

    Batches that share a `correction` learn from each other's jobs.
    """

    def __init__(self, batch: PlannedBatch, jobs: Iterable[Expected], correction: Correction | None = None) -> None:
        self._jobs = {job.id: job for job in jobs}
        self._rate = rate_of(batch.runtime, sum(job.runtime for job in self._jobs.values()))
        self._correction = Correction() if correction is None else correction
        self._waiting = set(self._jobs)
        self._work: dict[RuntimeSource, float] = {}
        for job in self._jobs.values():
            self._add(job, job.runtime)
        self._running: dict[str, float] = {}

    @property
    def running(self) -> int:
        """The number of running jobs."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """The number of jobs that have not been started or will be retried."""
        return len(self._waiting)

    def start(self, job: str, now: float) -> None:
        """Record that `job` runs from `now` on (seconds of any clock)."""
        self._leave(job)
        self._running[job] = now

    def wait(self, job: str) -> None:
        """Record that `job` waits, for its first run or for another one."""
        self._running.pop(job, None)
        if job not in self._waiting:
            self._waiting.add(job)
            self._add(self._jobs[job], self._jobs[job].runtime)

    def end(self, job: str, seconds: float | None = None) -> None:
        """Record that `job` is done. `seconds` is its run time, None if it did not run."""
        self._running.pop(job, None)
        self._leave(job)
        if seconds is not None and job in self._jobs:
            self._correction.learn(self._jobs[job], seconds)

    def seconds_left(self, now: float) -> float:
        """Return how long the batch still takes: never less than the running jobs are expected to need."""
        running = [self._correction.running(self._jobs[job], now - since) for job, since in self._running.items()]
        # Adding and subtracting leaves a rounding error when no job waits.
        waiting = sum(work * self._correction.factor(source) for source, work in self._work.items())
        return batch_left(self._rate, (max(0.0, waiting) if self._waiting else 0.0) + sum(running), running)

    def _leave(self, job: str) -> None:
        if job in self._waiting:
            self._waiting.discard(job)
            self._add(self._jobs[job], -self._jobs[job].runtime)

    def _add(self, job: Expected, seconds: float) -> None:
        self._work[job.runtime_source] = self._work.get(job.runtime_source, 0.0) + seconds


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


class TimeLeft(NamedTuple):
    """Seconds: of each batch, in their order, and of all of them together."""

    batches: tuple[float, ...]
    whole: float


def time_left(
    jobs: Iterable[Expected],
    batches: Sequence[PlannedBatch],
    record: Callable[[str], Ran],
    now: float,
    *,
    scheduler: str,
) -> TimeLeft:
    """Return how long `batches` of `jobs` still take at the time `now`, where `record` says what is known of a job.

    It is assumed that as many nodes stay in use as are busy now.
    """
    known = {job.id: job for job in jobs}
    correction = Correction()
    for job in known.values():
        if record(job.id).phase is JobPhase.DONE and (seconds := record(job.id).duration) is not None:
            correction.learn(job, seconds)
    left = tuple(_batch_left([known[job] for job in batch.jobs], batch, record, now, correction) for batch in batches)
    seen = [[record(job) for job in batch.jobs] for batch in batches]
    done = [all(one.phase is JobPhase.DONE for one in ran) for ran in seen]
    begun = [any(one.started is not None for one in ran) for ran in seen]
    return TimeLeft(left, whole_left(batches, left, done, begun, scheduler=scheduler))


def _batch_left(
    jobs: Sequence[Expected], batch: PlannedBatch, record: Callable[[str], Ran], now: float, correction: Correction
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


def whole_left(
    batches: Sequence[PlannedBatch],
    left: Sequence[float],
    done: Sequence[bool],
    begun: Sequence[bool],
    *,
    scheduler: str,
) -> float:
    """Return the seconds until all `batches` are done, which have `left` seconds each.

    `done` says of each batch whether all its jobs are done, `begun` whether one of them was started.
    """
    from canary_wf.batch.cluster_simulator import run_on_cluster  # late: a runner knows its own batch alone

    place: Mapping[str, int] = {batch.id: number for number, batch in enumerate(batches)}
    upstream = [[place[name] for name in batch.dependencies if not done[place[name]]] for batch in batches]
    widths = [batch.nodes for batch in batches]
    busy = sum(width for width, over, began in zip(widths, done, begun, strict=True) if began and not over)
    nodes: int | None = max(busy, *widths) if busy or scheduler == "local" else None
    return run_on_cluster(left, upstream, nodes=nodes, widths=widths).makespan
