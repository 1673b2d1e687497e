"""A job's state as data: what `job.json` holds, what travels between processes, and making a job of it again."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from canary_wf.api.job.cached_runs import find_cache_dir
from canary_wf.api.job.running import JobProcess
from canary_wf.errors import WorkspaceError
from canary_wf.spec.job_spec import JobSpec
from canary_wf.state.job_file import job_fields
from canary_wf.state.record import JobRecord
from canary_wf.state.session_paths import relative_to_out
from canary_wf.verdict.status import JobPhase, Outcome, Status

if TYPE_CHECKING:
    from canary_wf.api.job.job import Job


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

    @property
    def status(self) -> Status:
        """The verdict."""
        outcome = Outcome[self.outcome]
        return Status.of(outcome, self.reason, self.code)


def record_of(job: "Job") -> JobRecord:
    """Return `job` in the terms of the journal, `status --json` and the reports."""
    process = job.process
    return JobRecord(
        phase=job.state.phase,
        status=job.status,
        started=job.timekeeper.started,
        finished=job.timekeeper.finished,
        resources=job.allocation.last,
        measurements=dict(job.measurements.data),
        slurm_job_id=job.slurm_job_id,
        pid=process.pid if process else 0,
        started_ticks=process.started_ticks if process else 0,
    )


def state_of(job: "Job") -> dict[str, Any]:
    """Return everything about `job` as JSON can hold it, with all fields of `job.json`."""
    out = workspace_of(job.workspace.dir)
    directory = _told(job.workspace.dir, out)
    record = record_of(job)
    dependencies = [
        {
            "id": edge.job.id,
            "name": edge.job.name,
            "when": "always" if edge.when is None else edge.when,
            "directory": _told(edge.job.workspace.dir.absolute(), out),
        }
        for edge in job.dependencies
    ]
    state = {
        **job_fields(job.spec, job.batch, record, directory),
        "spec": job.spec,
        "resources": record.resources,
        "dependencies": dependencies,
        "measurements": record.measurements,
        "submitted": job.timekeeper.submitted,
        "attributes": job.attributes,
        "variables": job.variables,
        "timeout_multiplier": job.timeout_multiplier,
        "process": job.process,
        "workspace": job.workspace.getstate(),
    }
    found: dict[str, Any] = msgspec.to_builtins(state)
    return found


def _told(folder: Path, out: Path | None) -> str:
    return str(folder) if out is None else relative_to_out(folder, out)


def apply_state(job: "Job", data: Mapping[str, Any]) -> None:
    """Take over from `data` what changes while a job runs. Raises WorkspaceError for what is not the state of a job.

    Nothing is changed when `data` is wrong or another job's.
    """
    if not isinstance(data, Mapping):
        raise WorkspaceError(f"is a {type(data).__name__}, not the state of a job", where=job.name)
    if data.get("id") != job.id:
        raise WorkspaceError(f"is the state of job {data.get('id')}, not of {job.id}", where=job.name)
    state = convert(data, StoredState, job.name)
    try:
        status = state.status
    except KeyError:
        raise WorkspaceError(f"outcome {state.outcome!r} is not known", where=job.name) from None
    job.status = status
    job.state.phase = state.phase
    keeper = job.timekeeper
    keeper.submitted, keeper.started, keeper.finished = state.submitted, state.started, state.finished
    job.allocation.last = state.resources
    job.measurements.data = dict(state.measurements)
    if state.timeout_multiplier is not None:
        job.timeout_multiplier = state.timeout_multiplier
    job.process, job.slurm_job_id = state.process, state.slurm_job_id
    job.batch = state.batch or job.batch
    if state.attributes is not None:
        for name, value in state.attributes.items():
            job.set_attribute(name, value)
    if state.variables is not None:
        job.variables = dict(state.variables)


def convert(data: object, kind: type[msgspec.Struct] | Any, where: object, what: str = "job") -> Any:  # noqa: ANN401 - any part of a state
    """Return `data` as `kind`. Raises WorkspaceError when it is not of that form."""
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise WorkspaceError(f"is not the state of a {what} ({error})", where=where) from error


def workspace_of(folder: Path) -> Path | None:
    """Return OUT of the workspace that `folder` lies in, or None when it lies in none."""
    cache = find_cache_dir(folder)
    return None if cache is None else cache.parent.parent


def absolute_spec(spec: JobSpec, out: Path | None) -> JobSpec:
    """Return `spec` with the paths that a plan keeps relative to OUT made absolute again."""
    if out is None:
        return spec
    assets = tuple(msgspec.structs.replace(asset, source=str(out / asset.source)) for asset in spec.assets)
    file = str(out / spec.file) if spec.file else ""
    sources = tuple(str(out / source) for source in spec.sources)
    baselines = tuple(
        each if each.target is None else msgspec.structs.replace(each, target=str(out / each.target))
        for each in spec.baselines
    )
    place = None if spec.working_directory is None else str(out / spec.working_directory)
    return msgspec.structs.replace(
        spec, file=file, assets=assets, sources=sources, baselines=baselines, working_directory=place
    )
