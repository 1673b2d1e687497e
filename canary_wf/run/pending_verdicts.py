"""Verdicts that are not recorded yet, because the end of the job may turn out to be the end of its batch.

Slurm or a service manager ends a batch by signalling its processes one after the other. A child may die first; its
parent then exits, with any code, before the runner gets the signal. So a verdict is recorded only when no signal has
arrived for a moment, and is then never taken back. The job's resources are free at once, and dependent jobs start; if
the signal comes, they are interrupted, too.
"""

import math
import time
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.state.events import NO_ARTIFACTS, Artifacts, JobFinished, JobRetried
from canary_wf.verdict.status import Status

IN_SLURM = 0.25
"""Seconds that a verdict stays pending in a Slurm job, whose signals were measured to reach all processes in 12 ms."""

ELSEWHERE = 0.05
"""Seconds that a verdict stays pending elsewhere, where signals do not pass through a controller and other nodes."""

AT_END = 0.02
"""Seconds that a batch outside of Slurm waits at its end; short, so that short batches stay short."""

_PAUSE = 0.005


class PendingVerdict(NamedTuple):
    """The verdict on a job that ended at `clock` (monotonic), which is `time` in epoch seconds.

    `blocked` are the verdicts on jobs that it blocks. A `certain` verdict is the runner's own decision, such as a time
    limit. With `retry` the job is to be retried.
    """

    job: PlannedJob
    status: Status
    measurements: dict[str, Any]
    blocked: Sequence[tuple[PlannedJob, Status]]
    certain: bool
    retry: bool
    clock: float
    time: float

    def finished(self, artifacts: Artifacts = NO_ARTIFACTS) -> JobFinished:
        """Return the event of the job's own verdict; `artifacts` are what is kept of its run."""
        return JobFinished.of(self.job.id, self.status, self.time, self.measurements, artifacts)

    def retried(self, output: str | None, artifacts: Artifacts = NO_ARTIFACTS) -> JobRetried:
        """Return the event of a retried job; its output was moved to the file `output`."""
        return JobRetried.of(self.job.id, self.status, self.time, self.measurements, output, artifacts)


def needs(job: PlannedJob, others: Container[str]) -> bool:
    """Return whether `job` depends on one of `others`."""
    return any(edge.job in others for edge in job.dependencies)


class PendingVerdicts:
    """The pending verdicts, oldest first; each is due a moment after its job ended."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._in_slurm = "SLURM_JOB_ID" in environment
        self._moment = IN_SLURM if self._in_slurm else ELSEWHERE
        self._pending: dict[str, PendingVerdict] = {}

    def __bool__(self) -> bool:
        return bool(self._pending)

    def add(self, pending: PendingVerdict) -> None:
        """Add one."""
        self._pending[pending.job.id] = pending

    def behind(self, job: PlannedJob) -> Iterator[PendingVerdict]:
        """Yield the pending verdicts on jobs that `job` depends on."""
        for edge in job.dependencies:
            if edge.job in self._pending:
                yield self._pending[edge.job]

    @property
    def next_due(self) -> float:
        """When the oldest verdict is due (monotonic clock); infinite without any."""
        return next((pending.clock + self._moment for pending in self._pending.values()), math.inf)

    def take_due(self, now: float) -> Iterator[PendingVerdict]:
        """Remove and yield the verdicts that are due at `now`."""
        while self._pending:
            job, pending = next(iter(self._pending.items()))
            if pending.clock + self._moment > now:
                return
            del self._pending[job]
            yield pending

    def take_last(self, signals: Sequence[int]) -> Iterator[PendingVerdict]:
        """Wait until all are due or `signals` has one; yield the due verdicts. For use when no job runs any more."""
        newest = max((pending.clock for pending in self._pending.values()), default=0.0)
        due = newest + (self._moment if self._in_slurm else AT_END)
        while not signals and time.monotonic() < due:
            time.sleep(_PAUSE)  # signal handlers run between two sleeps
        return self.take_due(math.inf) if not signals else iter(())

    def interrupt(self, interrupted: Status) -> tuple[list[PendingVerdict], set[str]]:
        """Remove all; return the verdicts to record for an ended batch, and the jobs whose verdicts are undone."""
        verdicts: list[PendingVerdict] = []
        undone: set[str] = set()
        for pending in self._pending.values():
            if pending.certain and not needs(pending.job, undone):
                verdicts.append(pending)
            else:
                undone.add(pending.job.id)
                verdicts.append(pending._replace(status=interrupted, blocked=(), retry=False))
        self._pending.clear()
        return verdicts, undone
