"""What is known of one job in a session, as `job.json`, `status --json` and the reports tell it."""

from typing import Any

import msgspec

from canary_wf.job.events import JobFinished, JobLaunched, JobStarted, Resources
from canary_wf.job.phase import JobPhase
from canary_wf.job.status import UNKNOWN, Outcome, Status


class JobRecord(msgspec.Struct, frozen=True):
    """The newest state of a job; times are epoch seconds (UTC), durations seconds."""

    phase: JobPhase = JobPhase.PENDING
    status: Status = UNKNOWN
    started: float | None = None
    finished: float | None = None
    resources: Resources = {}
    measurements: dict[str, Any] = {}
    slurm_job_id: str | None = None
    pid: int = 0
    started_ticks: int = 0

    @property
    def duration(self) -> float | None:
        """How long the process ran, where it is known."""
        measured = self.measurements.get("duration")
        if isinstance(measured, int | float):
            return float(measured)
        return None if self.started is None or self.finished is None else self.finished - self.started

    def ids(self, kind: str) -> list[str]:
        """Return the ids of resource type `kind` that the job was given."""
        return [str(item["id"]) for item in self.resources.get(kind, [])]

    def start(self, event: JobStarted, slurm_job_id: str | None = None) -> "JobRecord":
        """Return the record of a job that is being started."""
        return JobRecord(
            phase=JobPhase.RUNNING,
            started=event.time,
            resources=event.resources,
            slurm_job_id=slurm_job_id,
        )

    def launch(self, event: JobLaunched) -> "JobRecord":
        """Return the record of a job whose process is known."""
        return msgspec.structs.replace(self, pid=event.pid, started_ticks=event.started_ticks)

    def finish(self, event: JobFinished) -> "JobRecord":
        """Return the record of a job that has its verdict."""
        return msgspec.structs.replace(
            self,
            phase=JobPhase.DONE,
            status=Status(Outcome[event.outcome], event.reason, event.code),
            finished=event.time,
            measurements=event.measurements,
        )

    def lost(self, reason: str) -> "JobRecord":
        """Return the record of a job whose runner died: interrupted by the machine, to be run again."""
        return msgspec.structs.replace(
            self, phase=JobPhase.DONE, status=Status.of(Outcome.INTERRUPTED, reason), measurements={}
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the fields of the contract's `status --json` that come from the record."""
        return {
            "phase": self.phase.value,
            "category": self.status.category.value,
            "outcome": self.status.outcome.name,
            "reason": self.status.reason,
            "code": None if self.status.outcome is Outcome.NONE else self.status.code,
            "started": self.started,
            "finished": self.finished,
            "duration": self.duration,
            "cpu_ids": self.ids("cpus") if self.started is not None else None,
            "gpu_ids": self.ids("gpus") if self.started is not None else None,
            "slurm_job_id": self.slurm_job_id,
        }


PENDING = JobRecord()
