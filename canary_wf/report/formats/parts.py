"""One state of a suite whose parts ran on several machines (`--shard`), for a single report on all of them.

A part is a workspace, whose newest session counts, or the JSON report of one. Jobs of a workspace keep their outputs;
a JSON report has none, nor the resources and files of its jobs.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from canary_wf.errors import InputError
from canary_wf.files.json_files import read_json
from canary_wf.plan.model import BatchSpecFields, Plan
from canary_wf.plan.store import newest_session
from canary_wf.report.session import SessionState, load_session
from canary_wf.spec.batch_slice import PlannedBatch, PlannedJob
from canary_wf.spec.resource_request import Resources
from canary_wf.state.record import EarlierRun, JobRecord
from canary_wf.state.session_paths import SessionPaths, absolute_path, leads_out
from canary_wf.verdict.status import JobPhase, Outcome, Status
from canary_wf.wording import some

_HINT = "write it with canary-wf report json -o FILE"
_NO_BATCH = "-"
"""Stands for the batch of a job whose report names none."""
_SHOWN = 40
"""Characters of a wrong name that a message shows."""


class _ReportedJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job in a JSON report."""

    id: str
    name: str
    phase: JobPhase
    outcome: str
    attempts: int = 0
    reason: str | None = None
    code: int | None = None
    started: float | None = None
    finished: float | None = None
    duration: float | None = None
    cpu_ids: tuple[str, ...] | None = None
    gpu_ids: tuple[str, ...] | None = None
    slurm_job_id: str | None = None
    batch: str | None = None
    directory: str | None = None


class _Report(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a JSON report."""

    session: str
    jobs: tuple[_ReportedJob, ...]


def load_parts(names: Sequence[str]) -> tuple[SessionState, list[str]]:
    """Return the state of all parts `names` together, and warnings about parts that are missing.

    Raises InputError for a job that two parts have, for parts without any job, and for JSON that is no report of
    canary-wf; WorkspaceError for a part that cannot be read.
    """
    states = [_load_part(Path(name)) for name in names]
    owners: dict[str, str] = {}
    for name, state in zip(names, states, strict=True):
        for job in state.plan.jobs:
            if job.id in owners:
                what = f"job {job.name} is in {owners[job.id]}, too"
                raise InputError(what, where=name, hint="name each part once")
            owners[job.id] = name
    if not owners:
        raise InputError("there is no job to report on", where=", ".join(names), hint=_HINT)
    merged = _merged(states)
    missing = [job.name for job in merged.plan.masked if job.reason.startswith("is in part ")]
    warnings = [f"these jobs are in parts that are not named: {some(missing)}"] if missing else []
    return merged, warnings


def _load_part(path: Path) -> SessionState:
    if path.is_dir():
        return _with_absolute_paths(load_session(newest_session(absolute_path(path))))
    report: _Report = read_json(path, _Report, _HINT, follow=True)
    return _state_of(report, absolute_path(path))


def _with_absolute_paths(state: SessionState) -> SessionState:
    """Return `state` with paths that hold whichever session reads them."""
    jobs = tuple(
        msgspec.structs.replace(
            job,
            directory=state.paths.job_folder(job.directory),
            file=str(state.paths.out / job.file) if job.file else "",
        )
        for job in state.plan.jobs
    )
    return msgspec.structs.replace(state, plan=msgspec.structs.replace(state.plan, jobs=jobs))


def _merged(states: Sequence[SessionState]) -> SessionState:
    """Return all of `states` as one; what belongs to the whole plan is that of the first.

    Each of several parts was made by a command of its own; the commit is named if all parts have the same.
    """
    first = states[0]
    if len(states) == 1:
        return first
    jobs = tuple(job for state in states for job in state.plan.jobs)
    known = {job.id for job in jobs}
    masked = {job.id: job for state in states for job in state.plan.masked if job.id not in known}
    left_out = {job.id: job for state in states for job in state.plan.left_out if job.id not in known}
    hosts = dict.fromkeys(state.plan.origin.host for state in states if state.plan.origin.host)
    origin = msgspec.structs.replace(first.plan.origin, host=", ".join(hosts), command=())
    if len({(state.plan.origin.commit, state.plan.origin.branch) for state in states}) > 1:
        origin = msgspec.structs.replace(origin, commit=None, branch=None)
    plan = msgspec.structs.replace(
        first.plan,
        created=min(state.plan.created for state in states),
        jobs=jobs,
        masked=tuple(masked.values()),
        left_out=tuple(left_out.values()),
        batches=tuple({batch.id: batch for state in states for batch in state.plan.batches}.values()),
        origin=origin,
    )
    return msgspec.structs.replace(
        first,
        plan=plan,
        records={job: record for state in states for job, record in state.records.items()},
        live=any(state.live for state in states),
        begun=any(state.begun for state in states),
        runs={batch: runs for state in states for batch, runs in state.runs.items()},
        damaged={batch: what for state in states for batch, what in state.damaged.items()},
        parts=tuple(state.plan.session for state in states),
    )


def _state_of(report: _Report, path: Path) -> SessionState:
    """Return the state that the JSON `report` in the file `path` describes. Raises InputError and WorkspaceError."""
    folder = path.parent
    _require_names(report, path)
    jobs = tuple(_job(job, folder) for job in report.jobs)
    starts = [job.started for job in report.jobs if job.started is not None]
    try:
        records = {job.id: _record(job) for job in report.jobs}
    except KeyError as error:
        raise InputError(f"is damaged (there is no outcome {error.args[0]!r})", where=path, hint=_HINT) from None
    plan = Plan(
        session=report.session,
        created=min(starts, default=0.0),
        version="",
        scheduler="local",
        batch_spec=BatchSpecFields("flat", "auto", "any", None),
        node={},
        resource_pool={"resources": {}},
        jobs=jobs,
        batches=tuple(_batches(jobs)),
    )
    return SessionState(SessionPaths(folder, report.session), plan, records, live=False, begun=bool(starts))


def _require_names(report: _Report, path: Path) -> None:
    """Raise InputError if the session, a batch or a job has a name that could lead elsewhere as part of a path."""
    session = report.session
    if not session.isprintable() or "/" in session or session in {"", ".", ".."}:
        what = f"is damaged ({session[:_SHOWN]!r} is not the name of a session)"
        raise InputError(what, where=path, hint=_HINT)
    for job in report.jobs:
        if job.batch is not None and job.batch != _NO_BATCH and not (job.batch.isascii() and job.batch.isalnum()):
            raise InputError(f"is damaged (batch {job.batch[:_SHOWN]!r} is not an id)", where=path, hint=_HINT)
        if not (job.id.isascii() and job.id.isprintable()):
            raise InputError(f"is damaged (job {job.name} has an invalid id)", where=path, hint=_HINT)


def _job(job: _ReportedJob, folder: Path) -> PlannedJob:
    directory = job.directory or ""
    return PlannedJob(
        id=job.id,
        name=job.name,
        family=job.name.partition(".")[0],
        path="",
        file="",
        kind="jobs",
        directory=str(folder / "nowhere" if leads_out(directory) else folder / directory),
        parameters={},
        cpus=len(job.cpu_ids or ()) or 1,
        gpus=len(job.gpu_ids or ()),
        nodes=1,
        memory=None,
        resources={},
        timeout=0.0,
        runtime=job.duration or 0.0,
        dependencies=(),
        runtime_source="history",
        batch=job.batch or _NO_BATCH,
    )


def _record(job: _ReportedJob) -> JobRecord:
    ids = {"cpus": job.cpu_ids or (), "gpus": job.gpu_ids or ()}
    resources: Resources = {name: [{"id": each, "slots": 1} for each in found] for name, found in ids.items()}
    earlier = EarlierRun(
        status=Status.of(Outcome.FAILED, "not in the report of its part"),
        started=None,
        finished=job.started or 0.0,
        resources={},
        measurements={},
        output=None,
    )
    return JobRecord(
        phase=job.phase,
        status=Status.of(Outcome[job.outcome], job.reason, job.code),
        started=job.started,
        finished=job.finished,
        resources=resources,
        measurements={} if job.duration is None else {"duration": job.duration},
        slurm_job_id=job.slurm_job_id,
        earlier=(earlier,) * max(0, min(job.attempts, _MOST_ATTEMPTS) - 1),
    )


_MOST_ATTEMPTS = 100


def _batches(jobs: Sequence[PlannedJob]) -> Iterator[PlannedBatch]:
    members: dict[str, list[PlannedJob]] = {}
    for job in jobs:
        members.setdefault(job.batch, []).append(job)
    for batch, found in members.items():
        yield PlannedBatch(
            id=batch,
            jobs=tuple(job.id for job in found),
            dependencies=(),
            cpus=max(job.cpus for job in found),
            gpus=max(job.gpus for job in found),
            nodes=1,
            memory=None,
            resources={},
            exclusive=False,
            runtime=sum(job.runtime for job in found),
            time_limit=0.0,
        )
