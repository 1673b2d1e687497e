"""How long the batch that a runner runs still takes, event by event."""

from collections.abc import Iterable

from canary_wf.plan.time_left import Correction, batch_left, rate_of
from canary_wf.spec.batch_slice import PlannedBatch, PlannedJob, RuntimeSource


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
