"""A job's state as data: what of `job.json`, and of what travels between processes, changes while it runs."""

from typing import Any

import msgspec

from canary_wf.api.job.record_view import StandaloneRecord
from canary_wf.errors import WorkspaceError
from canary_wf.process.process_identity import ProcessIdentity
from canary_wf.verdict.status import JobPhase, Outcome, Status


class JobProcess(msgspec.Struct, frozen=True):
    """Who runs a job: the Python process that launched it, and the job's own process (pid 0 when not known)."""

    place: str
    runner: int
    runner_ticks: int
    pid: int = 0
    started_ticks: int = 0

    @classmethod
    def of(cls, record: StandaloneRecord) -> "JobProcess | None":
        """Return the entry of a job with this record, None where nobody runs it."""
        own = record.launcher
        return None if own is None else cls(own.place, own.pid, own.started_ticks, record.pid, record.started_ticks)

    @property
    def launcher(self) -> ProcessIdentity:
        """The Python process that launched the job."""
        return ProcessIdentity(self.place, self.runner, self.runner_ticks)


class StoredState(msgspec.Struct, frozen=True):
    """The part of a stored job that changes; what the batch runner does not write has a default."""

    phase: JobPhase = JobPhase.PENDING
    outcome: str = Outcome.NONE.name
    reason: str | None = None
    code: int | None = None
    submitted: float | None = None
    started: float | None = None
    finished: float | None = None
    resources: dict[str, list[dict[str, Any]]] = {}
    measurements: dict[str, Any] = {}
    attributes: dict[str, Any] | None = None
    variables: dict[str, str | None] | None = None
    timeout_multiplier: float | None = None
    batch: str | None = None
    slurm_job_id: str | None = None
    process: JobProcess | None = None

    def record(self, name: str) -> StandaloneRecord:
        """Return the record of the job `name`. Raises WorkspaceError for an unknown outcome."""
        if self.outcome not in Outcome.__members__:
            raise WorkspaceError(f"outcome {self.outcome!r} is not known", where=name)
        process = self.process
        return StandaloneRecord(
            phase=self.phase,
            status=Status.of(Outcome[self.outcome], self.reason, self.code),
            started=self.started,
            finished=self.finished,
            resources=self.resources,
            measurements=dict(self.measurements),
            slurm_job_id=self.slurm_job_id,
            pid=process.pid if process else 0,
            started_ticks=process.started_ticks if process else 0,
            submitted=self.submitted,
            batch=self.batch,
            launcher=process.launcher if process else None,
        )


def convert(data: object, kind: type[msgspec.Struct] | Any, where: object, what: str = "job") -> Any:  # noqa: ANN401 - any part of a state
    """Return `data` as `kind`. Raises WorkspaceError when it is not of that form."""
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise WorkspaceError(f"is not the state of a {what} ({error})", where=where) from error
