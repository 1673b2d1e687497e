"""Verdicts that are not recorded yet, because the end of the job may turn out to be the end of its batch.

Slurm, or a service manager, ends a batch by a signal to all of its processes, one after the other. A child may die
first, and its parent then ends by itself, with any code, before the runner gets the signal. So a verdict is recorded
only when no signal came for a moment, and is never taken back then. The job's resources are free at once, and jobs that
waited for it start; if the signal comes, they are interrupted too.
"""

import math
import time
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.state.events import JobFinished, JobRetried
from canary_wf.verdict.status import Status

IN_SLURM = 0.25
"""Seconds that a verdict is pending in a Slurm job; its signals were seen to reach all processes within 12 ms."""

ELSEWHERE = 0.05
"""Seconds that it is pending elsewhere, where signals do not come by way of a controller and other nodes."""

AT_END = 0.02
"""Seconds that a batch outside of Slurm waits at its end, so that short ones stay short."""

_PAUSE = 0.005


class PendingVerdict(NamedTuple):
    """The verdict on a job that ended at `clock` (monotonic), which is `time` in epoch seconds.

    `blocked` are the verdicts on jobs that it blocks. A `certain` one is the runner's own decision, such as a time
    limit. With `again` the job is to run again.
    """

    job: PlannedJob
    status: Status
    measurements: dict[str, Any]
    blocked: Sequence[tuple[PlannedJob, Status]]
    certain: bool
    again: bool
    clock: float
    time: float

    def finished(self) -> JobFinished:
        """Return the event of the job's own verdict."""
        return JobFinished.of(self.job.id, self.status, self.time, self.measurements)

    def retried(self, output: str | None) -> JobRetried:
        """Return the event of a job that is to run again; `output` is the file that its output was moved to."""
        return JobRetried.of(self.job.id, self.status, self.time, self.measurements, output)


def needs(job: PlannedJob, others: Container[str]) -> bool:
    """Return whether `job` depends on one of `others`."""
    return any(edge.job in others for edge in job.dependencies)


class PendingVerdicts:
    """The pending verdicts, oldest first; each is due a moment after its job ended."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._in_slurm = "SLURM_JOB_ID" in environment
        self._moment = IN_SLURM if self._in_slurm else ELSEWHERE
        self._held: dict[str, PendingVerdict] = {}

    def __bool__(self) -> bool:
        return bool(self._held)

    def add(self, held: PendingVerdict) -> None:
        """Add one."""
        self._held[held.job.id] = held

    def behind(self, job: PlannedJob) -> Iterator[PendingVerdict]:
        """Yield those on jobs that `job` waited for."""
        for edge in job.dependencies:
            if edge.job in self._held:
                yield self._held[edge.job]

    @property
    def next_due(self) -> float:
        """When the oldest is due (monotonic clock), infinite when there is none."""
        return next((held.clock + self._moment for held in self._held.values()), math.inf)

    def take_due(self, now: float) -> Iterator[PendingVerdict]:
        """Take out and yield what is due at `now`."""
        while self._held:
            job, held = next(iter(self._held.items()))
            if held.clock + self._moment > now:
                return
            del self._held[job]
            yield held

    def take_last(self, signals: Sequence[int]) -> Iterator[PendingVerdict]:
        """Wait, as nothing runs any more, until all are due or a signal is among `signals`; yield what is due then."""
        newest = max((held.clock for held in self._held.values()), default=0.0)
        due = newest + (self._moment if self._in_slurm else AT_END)
        while not signals and time.monotonic() < due:
            time.sleep(_PAUSE)  # a handler runs between two of these
        return self.take_due(math.inf) if not signals else iter(())

    def interrupt(self, interrupted: Status) -> tuple[list[PendingVerdict], set[str]]:
        """Remove all; return the verdicts to record as the batch was ended, and the jobs whose verdicts are undone."""
        verdicts: list[PendingVerdict] = []
        undone: set[str] = set()
        for held in self._held.values():
            if held.certain and not needs(held.job, undone):
                verdicts.append(held)
            else:
                undone.add(held.job.id)
                verdicts.append(held._replace(status=interrupted, blocked=(), again=False))
        self._held.clear()
        return verdicts, undone
