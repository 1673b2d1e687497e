"""Recovery of a batch's state when its journal was lost, cut or damaged, and the journal rewritten from it.

`job.json` and the result are derived from the journal and written after it, so what they say was true. A verdict that
none of them has is lost: the job then counts as interrupted, which is a failure, and runs again. A failure never
becomes a success this way.
"""

import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from canary_wf.errors import WorkspaceError
from canary_wf.files.json_files import read_json
from canary_wf.spec.resource_request import Resources
from canary_wf.state.events import (
    NO_ARTIFACTS,
    Artifacts,
    AttemptEnded,
    Event,
    JobFinished,
    JobLaunched,
    JobRetried,
    JobStarted,
    fault_of,
)
from canary_wf.state.job_file import STATE_FILE
from canary_wf.state.journal import BatchState, read_journal
from canary_wf.state.record import PENDING, EarlierRun, JobRecord
from canary_wf.state.session_paths import LocatedJob, SessionPaths
from canary_wf.verdict.status import Category, JobPhase

_BEGUN = frozenset({JobPhase.RUNNING, JobPhase.DONE})


class _Run(msgspec.Struct, frozen=True, kw_only=True):
    """What `job.json` says of any run of a job."""

    outcome: str
    reason: str | None = None
    code: int | None = None
    started: float | None = None
    resources: Resources = {}
    measurements: dict[str, Any] = {}
    artifacts: Artifacts = NO_ARTIFACTS


class _EarlierRun(_Run, frozen=True, kw_only=True):
    finished: float
    output: str | None = None


class _JobFile(_Run, frozen=True, kw_only=True):
    """The fields of `job.json` that hold a job's state."""

    id: str
    batch: str | None
    phase: JobPhase
    finished: float | None = None
    slurm_job_id: str | None = None
    earlier_attempts: tuple[_EarlierRun, ...] = ()


class _Result(msgspec.Struct, frozen=True):
    counts: dict[str, int] = {}


def load_batch(
    paths: SessionPaths, batch: str, jobs: Sequence[LocatedJob], *, alive: bool, done: bool = False
) -> BatchState:
    """Return the state of `batch` with its `jobs`: from the journal, or from all files if the journal is damaged.

    While a runner is `alive`, only the journal is read; that runner repairs it. A batch with a result is done, and so
    is one that had a result until now (`done`). Raises WorkspaceError when the system does not permit reading.
    """
    files = paths.batch(batch)
    state = read_journal(files.journal)
    if alive:
        state.damage = None
        return state
    is_done = done or os.path.lexists(files.result)
    state.damage = state.damage or _missing_part(paths, batch, jobs, state, is_done=is_done)
    if state.damage is not None:
        _complete(paths, batch, jobs, state, is_done=is_done)
    return state


def _missing_part(
    paths: SessionPaths, batch: str, jobs: Sequence[LocatedJob], state: BatchState, *, is_done: bool
) -> str | None:
    """Return what is missing from a well-formed journal, or None when nothing is."""
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


def _complete(paths: SessionPaths, batch: str, jobs: Sequence[LocatedJob], state: BatchState, *, is_done: bool) -> None:
    """Complete `state` from the jobs' own files. A verdict that must have existed and is not known is lost."""
    reason = f"its verdict is lost: {state.damage}"
    passed = _passed(paths, batch) if is_done else None
    doubtful = passed is not None and passed < _count_passes(state, jobs)
    for job in jobs:
        record = state.record(job.id)
        if record.status.is_final and not (doubtful and record.status.is_pass):
            continue
        found = _record_in_file(paths, batch, job)
        if found is not None and found.status.is_final:
            state.jobs[job.id] = found
        elif not record.status.is_final and (
            is_done or record.phase is not JobPhase.PENDING or (found is not None and found.phase in _BEGUN)
        ):
            state.jobs[job.id] = record.lost(reason)
    if passed is not None and passed < _count_passes(state, jobs):
        for job in jobs:
            if state.record(job.id).status.is_pass:
                state.jobs[job.id] = state.record(job.id).lost(reason)


def _passed(paths: SessionPaths, batch: str) -> int | None:
    """Return the number of passed jobs according to the batch's result, or None when it says nothing."""
    try:
        result: _Result = read_json(paths.batch(batch).result, _Result)
    except WorkspaceError:
        return None
    return result.counts.get(Category.PASS.value, 0) if result.counts else None


def _count_passes(state: BatchState, jobs: Sequence[LocatedJob]) -> int:
    return sum(state.record(job.id).status.is_pass for job in jobs)


def _has_entries(folder: os.PathLike[str]) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(True for _ in entries)
    except OSError:
        return False


def _has_begun(paths: SessionPaths, batch: str, job: LocatedJob) -> bool:
    found = _record_in_file(paths, batch, job)
    return found is not None and found.phase in _BEGUN


def _record_in_file(paths: SessionPaths, batch: str, job: LocatedJob) -> JobRecord | None:
    """Return the record in the job's own file, or None when that is missing or invalid."""
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
    """Return the record, folded from the events that lead to it; these are checked like the events of a journal."""
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
                artifacts=run.artifacts,
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
                artifacts=file.artifacts,
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
    """Yield events that fold to `state`. They name no attempt, so they count whatever precedes them.

    The events of a job follow the start of the attempt that ran it, in the order of their times.
    """
    starts = [attempt.time for attempt in state.attempts]
    by_attempt: list[list[Event]] = [[] for _ in range(len(starts) + 1)]
    for job, record in state.jobs.items():
        attempt_index = 0 if record.started is None else bisect_right(starts, record.started)
        by_attempt[attempt_index] += job_events(job, record)
    yield from by_attempt[0]
    for attempt, end, events in zip(state.attempts, state.ends, by_attempt[1:], strict=True):
        yield attempt
        yield from sorted(events, key=lambda event: event.time)
        reason = state.reasons.get(attempt.token)
        if reason is not None:
            yield AttemptEnded(time=end, token=attempt.token, reason=reason)


def job_events(job: str, record: JobRecord) -> Iterator[Event]:
    """Yield the events that fold to the `record` of `job`, earlier runs first."""
    for run in record.earlier:
        yield from _run_events(job, run)
    if record.started is not None:
        yield JobStarted(time=record.started, job=job, resources=record.resources)
    if record.phase is JobPhase.RUNNING:
        yield JobLaunched(time=record.started or 0.0, job=job, pid=record.pid, started_ticks=record.started_ticks)
    elif record.phase is JobPhase.DONE:
        finished = record.finished or record.started or 0.0
        yield JobFinished.of(job, record.status, finished, record.measurements, record.artifacts)


def _run_events(job: str, run: EarlierRun) -> Iterator[Event]:
    if run.started is not None:
        yield JobStarted(time=run.started, job=job, resources=run.resources)
    yield JobRetried.of(job, run.status, run.finished, run.measurements, run.output, run.artifacts)
