"""How long jobs and batches still take: the one arithmetic of runner's log, `status`, live view and Snakemake's line.

A job that runs needs what is expected of it less what it has run; one that waits needs all of it. What jobs took so
far, beside what was expected of them, corrects what is expected of others whose expectation is from the same source: a
quarter of a time limit says nothing about a run time that was declared.
"""

from collections.abc import Iterable
from typing import Protocol

from canary_wf.spec.batch_slice import PlannedBatch, PlannedJob, RuntimeSource

_ENOUGH = 60.0
"""Seconds of expected work of one source that must have run before its estimates are corrected."""
_MOST_CORRECTION = 10.0


class Expected(Protocol):
    """A job of a plan, as far as its run time goes (seconds)."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def runtime(self) -> float:
        """What it is expected to take."""

    @property
    def runtime_source(self) -> RuntimeSource:
        """Where that is from."""


class Correction:
    """How many times longer jobs took than they were expected to, by the source of the expectation."""

    def __init__(self) -> None:
        self._expected: dict[RuntimeSource, float] = {}
        self._took: dict[RuntimeSource, float] = {}

    def learn(self, job: Expected, seconds: float) -> None:
        """Take into account that `job` took `seconds`."""
        source = job.runtime_source
        self._expected[source] = self._expected.get(source, 0.0) + job.runtime
        self._took[source] = self._took.get(source, 0.0) + seconds

    def factor(self, source: RuntimeSource) -> float:
        """Return by what the estimates from `source` are to be multiplied."""
        expected = self._expected.get(source, 0.0)
        if expected < _ENOUGH:
            return 1.0
        return min(_MOST_CORRECTION, max(1 / _MOST_CORRECTION, self._took[source] / expected))

    def waiting(self, job: Expected) -> float:
        """Return the seconds that `job`, which waits, is expected to take."""
        return job.runtime * self.factor(job.runtime_source)

    def running(self, job: Expected, elapsed: float) -> float:
        """Return the seconds that `job` still needs after `elapsed` of them: of what is known of it, never less."""
        factor = self.factor(job.runtime_source)
        if job.runtime_source != "default":
            factor = max(1.0, factor)
        return max(0.0, job.runtime * factor - max(0.0, elapsed))


def rate_of(length: float, work: float) -> float:
    """Return how many seconds of a batch's schedule of `length` go by with one second of its jobs' `work`."""
    # No schedule is longer than its jobs one after the other.
    return min(1.0, length / work) if work else 0.0


def batch_left(rate: float, work: float, running: Iterable[float]) -> float:
    """Return how long a batch with so much `work` left takes: never less than any of its `running` jobs."""
    return max(work * rate, *running, 0.0)


class Pace:
    """The work of one batch that is left: of jobs that wait, and of those that run, less what they have run already."""

    def __init__(self, batch: PlannedBatch, jobs: Iterable[PlannedJob]) -> None:
        self._jobs = {job.id: job for job in jobs}
        self._rate = rate_of(batch.runtime, sum(job.runtime for job in self._jobs.values()))
        self._correction = Correction()
        self._waiting = set(self._jobs)
        self._work: dict[RuntimeSource, float] = {}
        for job in self._jobs.values():
            self._wait(job, job.runtime)
        self._running: dict[str, float] = {}

    @property
    def running(self) -> int:
        """How many jobs run."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """How many jobs have not been started, or are to be run again."""
        return len(self._waiting)

    def start(self, job: str, now: float) -> None:
        """Note that `job` runs from `now` on (seconds of any clock)."""
        self._leave(job)
        self._running[job] = now

    def again(self, job: str) -> None:
        """Note that `job` ended and is to be run again."""
        self._running.pop(job, None)
        self._waiting.add(job)
        self._wait(self._jobs[job], self._jobs[job].runtime)

    def end(self, job: str, seconds: float | None = None) -> None:
        """Note that `job` is done, after `seconds` where it ran."""
        self._running.pop(job, None)
        self._leave(job)
        if seconds is not None and job in self._jobs:
            self._correction.learn(self._jobs[job], seconds)

    def seconds_left(self, now: float) -> float:
        """Return how long the batch still takes: never less than the running jobs are expected to need."""
        running = [self._correction.running(self._jobs[job], now - since) for job, since in self._running.items()]
        # What is summed up and taken off again leaves a rest of rounding where nothing waits.
        waiting = sum(work * self._correction.factor(source) for source, work in self._work.items())
        return batch_left(self._rate, (max(0.0, waiting) if self._waiting else 0.0) + sum(running), running)

    def _leave(self, job: str) -> None:
        if job in self._waiting:
            self._waiting.discard(job)
            self._wait(self._jobs[job], -self._jobs[job].runtime)

    def _wait(self, job: PlannedJob, seconds: float) -> None:
        self._work[job.runtime_source] = self._work.get(job.runtime_source, 0.0) + seconds
