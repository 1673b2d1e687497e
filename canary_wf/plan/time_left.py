"""How long jobs and batches still take: the one arithmetic of runner's log, `status`, live view and Snakemake's line.

A job that runs needs what is expected of it less what it has run; one that waits needs all of it. What jobs took so
far, beside what was expected of them, corrects what is expected of others whose expectation is from the same source: a
quarter of a time limit says nothing about a run time that was declared.
"""

from collections.abc import Iterable
from typing import Protocol

from canary_wf.spec.batch_slice import RuntimeSource

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
