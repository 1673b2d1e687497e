"""What is known of a batch whose journal was lost, cut or damaged, and the journal written anew from it.

They are derived from the journal and written after it, so what they say was so. A verdict that none of them has is
lost: the job counts as interrupted, which is a failure, and is run again. No failure becomes a success by this.
"""

import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import msgspec

from canary_wf.errors import WorkspaceError
from canary_wf.files.json_files import read_json
from canary_wf.spec.resource_request import Resources
from canary_wf.state.events import AttemptEnded, Event, JobFinished, JobLaunched, JobRetried, JobStarted, fault_of
from canary_wf.state.job_file import STATE_FILE
from canary_wf.state.journal import BatchState, read_journal
from canary_wf.state.record import PENDING, EarlierRun, JobRecord
from canary_wf.state.session_paths import SessionPaths
from canary_wf.verdict.status import Category, JobPhase

_BEGUN = frozenset({JobPhase.RUNNING, JobPhase.DONE})


class _Placed(Protocol):
    """A job and where its working directory is."""

    @property
    def id(self) -> str: ...
    @property
    def directory(self) -> str: ...


class _Run(msgspec.Struct, frozen=True):
    outcome: str
    finished: float
    reason: str | None = None
    code: int | None = None
    started: float | None = None
    resources: Resources = {}
    measurements: dict[str, Any] = {}
    output: str | None = None


class _JobFile(msgspec.Struct, frozen=True):
    """What `job.json` says of a job's state, see `job.state_file`."""

    id: str
    batch: str | None
    phase: JobPhase
    outcome: str
    reason: str | None = None
    code: int | None = None
    started: float | None = None
    finished: float | None = None
    resources: Resources = {}
    measurements: dict[str, Any] = {}
    slurm_job_id: str | None = None
    earlier_attempts: tuple[_Run, ...] = ()


class _Result(msgspec.Struct, frozen=True):
    counts: dict[str, int] = {}


def load_batch(
    paths: SessionPaths, batch: str, jobs: Sequence[_Placed], *, alive: bool, done: bool = False
) -> BatchState:
    """Return where `batch` with its `jobs` stands: as the journal says, and where that is damaged, as all files say.

    While a runner is `alive`, the journal alone is read: that one puts it right itself. A batch that has a result is
    done, and so is one whose result was there until now (`done`). Raises WorkspaceError where the
    system does not let the journal be read.
    """
    files = paths.batch(batch)
    state = read_journal(files.journal)
    if alive:
        state.damage = None
        return state
    is_done = done or os.path.lexists(files.result)
    state.damage = state.damage or _what_is_missing(paths, batch, jobs, state, is_done=is_done)
    if state.damage is not None:
        _complete(paths, batch, jobs, state, is_done=is_done)
    return state


def _what_is_missing(
    paths: SessionPaths, batch: str, jobs: Sequence[_Placed], state: BatchState, *, is_done: bool
) -> str | None:
    """Return what the journal, which reads well, does not say although it should; None for nothing."""
    name = paths.batch(batch).journal.name
    if is_done:
        if not state.attempts:
            return f"{name} is lost"
        if not all(state.record(job.id).status.is_final for job in jobs):
            return f"{name} is cut short"
        passed = _passed(paths, batch)
        if passed is not None and passed < _count_passes(state, jobs):
            return f"{name} says that more jobs passed than {paths.batch(batch).result.name}"
    elif not state.attempts and _has_entries(paths.jobs) and any(_has_begun(paths, batch, job) for job in jobs):
        return f"{name} is lost"
    return None


def _complete(paths: SessionPaths, batch: str, jobs: Sequence[_Placed], state: BatchState, *, is_done: bool) -> None:
    """Put into `state` what the jobs' own files say; where a verdict must have been and is not known, it is lost."""
    reason = f"its verdict is lost: {state.damage}"
    passed = _passed(paths, batch) if is_done else None
    doubtful = passed is not None and passed < _count_passes(state, jobs)
    for job in jobs:
        record = state.record(job.id)
        if record.status.is_final and not (doubtful and record.status.is_pass):
            continue
        told = _record_in_file(paths, batch, job)
        if told is not None and told.status.is_final:
            state.jobs[job.id] = told
        elif not record.status.is_final and (
            is_done or record.phase is not JobPhase.PENDING or (told is not None and told.phase in _BEGUN)
        ):
            state.jobs[job.id] = record.lost(reason)
    if passed is not None and passed < _count_passes(state, jobs):
        for job in jobs:
            if state.record(job.id).status.is_pass:
                state.jobs[job.id] = state.record(job.id).lost(reason)


def _passed(paths: SessionPaths, batch: str) -> int | None:
    """Return how many jobs passed as the batch's result says, None where it says nothing."""
    try:
        result: _Result = read_json(paths.batch(batch).result, _Result)
    except WorkspaceError:
        return None
    return result.counts.get(Category.PASS.value, 0) if result.counts else None


def _count_passes(state: BatchState, jobs: Sequence[_Placed]) -> int:
    return sum(state.record(job.id).status.is_pass for job in jobs)


def _has_entries(folder: os.PathLike[str]) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(True for _ in entries)
    except OSError:
        return False


def _has_begun(paths: SessionPaths, batch: str, job: _Placed) -> bool:
    told = _record_in_file(paths, batch, job)
    return told is not None and told.phase in _BEGUN


def _record_in_file(paths: SessionPaths, batch: str, job: _Placed) -> JobRecord | None:
    """Return the record in the job's own file, None where there is none or it makes no sense."""
    path = f"{paths.job_folder(job.directory)}/{STATE_FILE}"
    if not os.path.lexists(path):
        return None
    try:
        file: _JobFile = read_json(path, _JobFile)
    except WorkspaceError:
        return None
    if (file.id, file.batch) != (job.id, batch):
        return None
    return _fold(file)


def _fold(file: _JobFile) -> JobRecord | None:
    """Return the record by way of the events that led to it, which are checked like those of a journal."""
    events: list[JobStarted | JobRetried | JobFinished] = []
    for run in file.earlier_attempts:
        if run.started is not None:
            events.append(JobStarted(time=run.started, job=file.id, resources=run.resources))
        events.append(
            JobRetried(
                time=run.finished,
                job=file.id,
                outcome=run.outcome,
                reason=run.reason,
                code=-1 if run.code is None else run.code,
                measurements=run.measurements,
                output=run.output,
            )
        )
    if file.started is not None:
        events.append(JobStarted(time=file.started, job=file.id, resources=file.resources))
    if file.phase is JobPhase.DONE:
        if file.finished is None or file.code is None:
            return None
        events.append(
            JobFinished(
                time=file.finished,
                job=file.id,
                outcome=file.outcome,
                reason=file.reason,
                code=file.code,
                measurements=file.measurements,
            )
        )
    if any(fault_of(event) is not None for event in events):
        return None
    state = BatchState()
    for event in events:
        state.apply(event)
    record = state.jobs.get(file.id, PENDING)
    return msgspec.structs.replace(record, slurm_job_id=file.slurm_job_id)


def events_of(state: BatchState) -> Iterator[Event]:
    """Yield events that fold to `state`; they bear no attempt's name, so they count whatever comes before them.

    Each job's stand behind the start of the attempt that ran it, in the order of their times.
    """
    starts = [attempt.time for attempt in state.attempts]
    told: list[list[Event]] = [[] for _ in range(len(starts) + 1)]
    for job, record in state.jobs.items():
        told[0 if record.started is None else bisect_right(starts, record.started)] += job_events(job, record)
    yield from told[0]
    for attempt, end, events in zip(state.attempts, state.ends, told[1:], strict=True):
        yield attempt
        yield from sorted(events, key=lambda event: event.time)
        reason = state.reasons.get(attempt.token)
        if reason is not None:
            yield AttemptEnded(time=end, token=attempt.token, reason=reason)


def job_events(job: str, record: JobRecord) -> Iterator[Event]:
    """Yield the events that lead to the `record` of `job`, those of its earlier runs first."""
    for run in record.earlier:
        yield from _run_events(job, run)
    if record.started is not None:
        yield JobStarted(time=record.started, job=job, resources=record.resources)
    if record.phase is JobPhase.RUNNING:
        yield JobLaunched(time=record.started or 0.0, job=job, pid=record.pid, started_ticks=record.started_ticks)
    elif record.phase is JobPhase.DONE:
        yield JobFinished.of(job, record.status, record.finished or record.started or 0.0, record.measurements)


def _run_events(job: str, run: EarlierRun) -> Iterator[Event]:
    if run.started is not None:
        yield JobStarted(time=run.started, job=job, resources=run.resources)
    yield JobRetried.of(job, run.status, run.finished, run.measurements, run.output)
