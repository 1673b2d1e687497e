"""How long a batch still takes, from the plan's estimates of what is left of it."""

from collections.abc import Iterable

from canary_wf.plan.batch_slice import PlannedBatch, PlannedJob


class Pace:
    """The work of one batch that is left: of jobs that wait, and of those that run, less what they have run already.

    Work is the sum of expected run times; the planned schedule says how much of it goes by in a second.
    """

    def __init__(self, batch: PlannedBatch, jobs: Iterable[PlannedJob]) -> None:
        self._runtimes = {job.id: job.runtime for job in jobs}
        self._left = sum(self._runtimes.values())
        # No schedule is longer than its jobs one after the other.
        self._share = min(1.0, batch.runtime / self._left) if self._left else 0.0
        self._waiting = set(self._runtimes)
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
        self._waiting.discard(job)
        self._running[job] = now

    def again(self, job: str) -> None:
        """Note that `job` ended and is to be run again."""
        self._running.pop(job, None)
        self._waiting.add(job)

    def end(self, job: str) -> None:
        """Note that `job` is done with."""
        self._running.pop(job, None)
        self._waiting.discard(job)
        self._left -= self._runtimes.pop(job, 0.0)

    def seconds_left(self, now: float) -> float:
        """Return how long the batch still takes: never less than the running jobs are expected to need."""
        if not self._runtimes:
            return 0.0  # whatever the sums have been rounded to
        spent, longest = 0.0, 0.0
        for job, since in self._running.items():
            runtime = self._runtimes.get(job, 0.0)
            gone = min(max(now - since, 0.0), runtime)
            spent += gone
            longest = max(longest, runtime - gone)
        return max((self._left - spent) * self._share, longest, 0.0)
