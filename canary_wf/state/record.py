"""The record of one job in a session, as `job.json`, `status --json` and the reports show it."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from canary_wf.durations import LONGEST
from canary_wf.spec.resource_request import Resources
from canary_wf.state.events import NO_ARTIFACTS, Artifacts, JobFinished, JobLaunched, JobRetried, JobStarted
from canary_wf.verdict.failure_class import BATCH_KILLED, FailureClass, class_of
from canary_wf.verdict.status import UNKNOWN, JobPhase, Outcome, Status

_MOST = 1e18
"""Upper bound of measurements, so that sums of them stay finite numbers."""


def measured(measurements: Mapping[str, Any], name: str) -> float | None:
    """Return the measurement `name` if it is a number from zero up, else None."""
    value = measurements.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MOST:
        return None
    return float(value)


EARLIER_OUTPUT = re.compile(r"canary-out\.([1-9][0-9]*)\.txt", re.ASCII)
"""File names of earlier outputs; a journal that names any other file has been tampered with."""


class EarlierRun(msgspec.Struct, frozen=True, kw_only=True):
    """A failed run of a job that was followed by another run; `output` is a file in the job's directory."""

    status: Status
    started: float | None
    finished: float
    resources: Resources
    measurements: dict[str, Any]
    output: str | None
    artifacts: Artifacts = NO_ARTIFACTS

    @property
    def failure(self) -> FailureClass | None:
        """The failure class of its verdict."""
        return class_of(self.status, self.measurements)

    def as_dict(self) -> dict[str, Any]:
        """Return its entry in `job.json`."""
        return {
            "outcome": self.status.outcome.name,
            "class": self.failure,
            "reason": self.status.reason,
            "code": self.status.code,
            "started": self.started,
            "finished": self.finished,
            "resources": self.resources,
            "measurements": self.measurements,
            "output": self.output,
            "artifacts": self.artifacts,
        }


class JobRecord(msgspec.Struct, frozen=True):
    """The newest state of a job; times are epoch seconds (UTC), durations seconds.

    `earlier` are the runs that were retried, oldest first. `batch_kills` counts how often the whole batch was killed
    while the job ran, which happens when memory runs out.
    """

    phase: JobPhase = JobPhase.PENDING
    status: Status = UNKNOWN
    started: float | None = None
    finished: float | None = None
    resources: Resources = {}
    measurements: dict[str, Any] = {}
    slurm_job_id: str | None = None
    pid: int = 0
    started_ticks: int = 0
    earlier: tuple[EarlierRun, ...] = ()
    batch_kills: int = 0
    artifacts: Artifacts = NO_ARTIFACTS

    @property
    def failure(self) -> FailureClass | None:
        """The failure class of the verdict; None for a job that passed or has no verdict."""
        return class_of(self.status, self.measurements)

    @property
    def attempts(self) -> int:
        """The number of runs; a run that the machine cut short and its replacement count as one."""
        return len(self.earlier) + (self.started is not None and self.phase is not JobPhase.PENDING)

    @property
    def is_flaky(self) -> bool:
        """Whether the job passed only after a retry."""
        return bool(self.earlier) and self.status.is_pass

    @property
    def duration(self) -> float | None:
        """The run time of the process in seconds, None when unknown."""
        seconds = self.measured("duration")
        if seconds is not None and seconds <= LONGEST:
            return seconds
        return None if self.started is None or self.finished is None else self.finished - self.started

    def measured(self, name: str) -> float | None:
        """Return the measurement `name` if it is a number from zero up; jobs may note anything under any name."""
        return measured(self.measurements, name)

    def ids(self, resource_type: str) -> list[str]:
        """Return the ids of resource type `resource_type` that the job was given."""
        return [str(item["id"]) for item in self.resources.get(resource_type, [])]

    def start(self, event: JobStarted, slurm_job_id: str | None = None) -> "JobRecord":
        """Return the record of a job that starts."""
        return JobRecord(
            phase=JobPhase.RUNNING,
            started=event.time,
            resources=event.resources,
            slurm_job_id=slurm_job_id,
            earlier=self.earlier,
            batch_kills=self.batch_kills,
        )

    def launch(self, event: JobLaunched) -> "JobRecord":
        """Return the record of a job whose process is known."""
        return msgspec.structs.replace(self, pid=event.pid, started_ticks=event.started_ticks)

    def finish(self, event: JobFinished) -> "JobRecord":
        """Return the record with the job's verdict."""
        return msgspec.structs.replace(
            self,
            phase=JobPhase.DONE,
            status=Status(Outcome[event.outcome], event.reason, event.code),
            finished=event.time,
            measurements=event.measurements,
            batch_kills=self.batch_kills + (BATCH_KILLED in event.measurements),
            artifacts=event.artifacts,
        )

    def retry(self, event: JobRetried) -> "JobRecord":
        """Return the record of a job that is to run again."""
        run = EarlierRun(
            status=Status(Outcome[event.outcome], event.reason, event.code),
            started=self.started if self.phase is JobPhase.RUNNING else None,
            finished=event.time,
            resources=self.resources,
            measurements=event.measurements,
            output=event.output if event.output and EARLIER_OUTPUT.fullmatch(event.output) else None,
            artifacts=event.artifacts,
        )
        return JobRecord(earlier=(*self.earlier, run))

    def lost(self, reason: str) -> "JobRecord":
        """Return the record of a job whose runner died: interrupted by the machine, to run again."""
        return msgspec.structs.replace(
            self, phase=JobPhase.DONE, status=Status.of(Outcome.INTERRUPTED, reason), measurements={}
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the fields of `status --json` that come from the record."""
        status = self.status
        return {
            "phase": self.phase.value,
            "category": status.category.value,
            "outcome": status.outcome.name,
            "class": None if status.outcome is Outcome.SUCCESS else self.failure,
            "attempts": self.attempts,
            "reason": status.reason,
            "code": None if status.outcome is Outcome.NONE else status.code,
            "started": self.started,
            "finished": self.finished,
            "duration": self.duration,
            "cpu_ids": self.ids("cpus") if self.started is not None else None,
            "gpu_ids": self.ids("gpus") if self.started is not None else None,
            "slurm_job_id": self.slurm_job_id,
        }


PENDING = JobRecord()
