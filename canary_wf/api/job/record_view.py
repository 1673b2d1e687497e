"""What became of a job: its record, how a state file stores it, and the parts through which programs change it."""

from typing import Any, Literal

import msgspec

from canary_wf.api.job.parts import JobState, Measurements, Timekeeper, locked
from canary_wf.api.job.spec_view import SpecView
from canary_wf.api.job.status_line import Style, status_line
from canary_wf.errors import WorkspaceError
from canary_wf.process.process_identity import ProcessIdentity
from canary_wf.spec.job_spec import JobSpec
from canary_wf.spec.resource_request import Resources
from canary_wf.state.events import NO_ARTIFACTS, Artifacts
from canary_wf.state.record import JobRecord
from canary_wf.verdict.status import JobPhase, Outcome, Status


class StandaloneRecord(JobRecord, frozen=True):
    """The record of a job that runs by itself, with the fields that only its own state file has.

    `submitted` is epoch seconds (UTC), `batch` the id of the batch it is in, `launcher` the process that runs it now.
    """

    submitted: float | None = None
    batch: str | None = None
    launcher: ProcessIdentity | None = None


class JobProcess(msgspec.Struct, frozen=True):
    """Who runs a job: the Python process that launched it, and the job's own process (pid 0 when not known)."""

    host_id: str = msgspec.field(name="place")
    runner: int
    runner_ticks: int
    pid: int = 0
    started_ticks: int = 0

    @classmethod
    def of(cls, record: StandaloneRecord) -> "JobProcess | None":
        """Return the entry of a job with this record, None where nobody runs it."""
        own = record.launcher
        return None if own is None else cls(own.host_id, own.pid, own.started_ticks, record.pid, record.started_ticks)

    @property
    def launcher(self) -> ProcessIdentity:
        """The Python process that launched the job."""
        return ProcessIdentity(self.host_id, self.runner, self.runner_ticks)


class StoredState(msgspec.Struct, frozen=True):
    """The part of a stored job that changes; fields that the batch runner does not write have defaults."""

    phase: JobPhase = JobPhase.PENDING
    outcome: str = Outcome.NONE.name
    reason: str | None = None
    code: int | None = None
    submitted: float | None = None
    started: float | None = None
    finished: float | None = None
    resources: dict[str, list[dict[str, Any]]] = {}
    measurements: dict[str, Any] = {}
    artifacts: Artifacts = NO_ARTIFACTS
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
            artifacts=self.artifacts,
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


class _Field:
    """An attribute of a part that reads and writes the field `name` of the job's record."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, part: "_Part", _owner: object = None) -> Any:  # noqa: ANN401 - of any type
        return getattr(part.job.record, self._name)

    def __set__(self, part: "_Part", value: object) -> None:
        part.job.change(**{self._name: value})


class _Part:
    """A part of a job that stores nothing itself."""

    def __init__(self, job: "RecordView") -> None:
        self.job = job


class _State(_Part, JobState):
    phase: Any = _Field("phase")


class _Times(_Part, Timekeeper):
    submitted: Any = _Field("submitted")
    started: Any = _Field("started")
    finished: Any = _Field("finished")


class _Measurements(_Part, Measurements):
    data: Any = _Field("measurements")


class RecordView(SpecView):
    """The part of a job that comes from its `record`, which is that of the journal and of `status --json`."""

    def __init__(self, spec: JobSpec) -> None:
        self.record = StandaloneRecord()
        super().__init__(spec)

    @locked
    def change(self, **fields: Any) -> None:  # noqa: ANN401 - fields of the record
        """Replace `fields` of the record."""
        self.record = msgspec.structs.replace(self.record, **fields)

    @property
    def state(self) -> JobState:
        """Its phase."""
        return _State(self)

    @state.setter
    def state(self, state: JobState) -> None:
        self.change(phase=state.phase)

    @property
    def status(self) -> Status:
        """Its verdict."""
        return self.record.status

    @status.setter
    def status(self, status: Status) -> None:
        self.change(status=status)

    @property
    def timekeeper(self) -> Timekeeper:
        """When it was submitted, started and finished."""
        return _Times(self)

    @timekeeper.setter
    def timekeeper(self, times: Timekeeper) -> None:
        self.change(**times.getstate())

    @property
    def measurements(self) -> Measurements:
        """Its measurements."""
        return _Measurements(self)

    @measurements.setter
    def measurements(self, measurements: Measurements) -> None:
        self.change(measurements=measurements.data)

    @property
    def last_held(self) -> Resources:
        """The ids that it has, or had when it ran last."""
        return self.record.resources

    @last_held.setter
    def last_held(self, resources: Resources) -> None:
        self.change(resources=resources)

    @property
    def batch(self) -> str | None:
        """The id of its batch, None if it is not known to be in one."""
        return self.record.batch

    @batch.setter
    def batch(self, batch: str | None) -> None:
        self.change(batch=batch)

    def is_done(self) -> bool:
        """Return whether the job has its verdict."""
        return self.state.is_done()

    def statline(self, style: Literal["none", "rich", "html"] = "none") -> str:
        """Return verdict (or phase), name, duration and reason on one line; markup in names is made harmless."""
        chosen: Style = style
        return status_line(self.name, self.record, chosen)
