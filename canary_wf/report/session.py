"""A session as reports see it: every job of the plan with its newest state. This module writes nothing."""

import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import msgspec

from canary_wf.errors import WorkspaceError
from canary_wf.plan.model import Plan
from canary_wf.plan.store import load_plan
from canary_wf.recovery.closing_verdicts import LOST
from canary_wf.report.batch_runs import BatchRun, runs_of
from canary_wf.snakemake.lock import is_locked, is_run_elsewhere
from canary_wf.snakemake.parent_workflows import running_parent_workflows
from canary_wf.spec.batch_slice import PlannedBatch, PlannedJob
from canary_wf.state.attempt import AttemptFile, is_alive, read_attempt
from canary_wf.state.events import NO_ARTIFACTS
from canary_wf.state.job_file import job_fields, open_output
from canary_wf.state.journal import BatchState
from canary_wf.state.journal_repair import load_batch
from canary_wf.state.record import PENDING, JobRecord
from canary_wf.state.session_paths import BatchPaths, LocatedJob, SessionPaths, relative_to_out, session_names
from canary_wf.state.submission import read_submissions
from canary_wf.verdict.status import Category, JobPhase, Outcome, Status

_NOT_STARTED = frozenset({JobPhase.PENDING, JobPhase.SUBMITTED})


class SessionState(msgspec.Struct, frozen=True):
    """The plan, the jobs' records and the batches' runs, both by id.

    `live` says whether a runner works on it, `begun` whether one ever did. `damaged` maps each batch with lost or
    damaged state to a description of the damage. `parts` are the names of the sessions that are shown as one.
    """

    paths: SessionPaths
    plan: Plan
    records: dict[str, JobRecord]
    live: bool
    begun: bool
    runs: dict[str, tuple[BatchRun, ...]] = {}
    damaged: dict[str, str] = {}
    parts: tuple[str, ...] = ()

    def record(self, job: PlannedJob) -> JobRecord:
        """Return the record of `job`."""
        return self.records.get(job.id, PENDING)

    def fields(self, job: PlannedJob) -> dict[str, Any]:
        """Return the fields of `job` in `status --json`."""
        record = self.record(job)
        directory = relative_to_out(self.paths.job_folder(job.directory), self.paths.out)
        fields = job_fields(job, job.batch, record, directory)
        if record.phase in _NOT_STARTED:
            fields["directory"] = fields["log"] = None
        if record.artifacts != NO_ARTIFACTS:
            fields["artifacts"] = record.artifacts
        return fields

    def counts(self) -> dict[str, int]:
        """Return the number of jobs in each category; a job without a verdict counts as NONE."""
        found = Counter(self.record(job).status.category for job in self.plan.jobs)
        return {category.value: found.get(category, 0) for category in Category}

    def as_dict(self, jobs: Iterable[PlannedJob] | None = None) -> dict[str, Any]:
        """Return the content of `status --json`, for all jobs or for `jobs`; the counts are always those of all."""
        left_out = [
            {"id": each.id, "name": each.name, "reason": each.reason, "hint": each.hint} for each in self.plan.left_out
        ]
        return {
            "session": self.plan.session,
            "counts": self.counts(),
            "jobs": [self.fields(job) for job in (self.plan.jobs if jobs is None else jobs)],
            **({"left_out": left_out} if left_out else {}),
            **({"damaged": self.damaged} if self.damaged else {}),
        }

    def part(self, jobs: Collection[str], before: Mapping[str, Sequence[BatchRun]]) -> Self:
        """Return the state of only these `jobs` (ids), with the runs of batches that were not there `before`."""
        chosen = tuple(job for job in self.plan.jobs if job.id in jobs)
        runs = {batch: new for batch, runs in self.runs.items() if (new := runs[len(before.get(batch, ())) :])}
        plan = msgspec.structs.replace(self.plan, jobs=chosen, left_out=())
        return msgspec.structs.replace(self, plan=plan, runs=runs)

    @property
    def failed(self) -> list[PlannedJob]:
        """The jobs that count as failed."""
        return [job for job in self.plan.jobs if self.record(job).status.counts_as_failed]

    @property
    def not_done(self) -> list[PlannedJob]:
        """The jobs that have no verdict."""
        return [job for job in self.plan.jobs if self.record(job).status.category is Category.NONE]

    @property
    def unfinished(self) -> list[PlannedJob]:
        """The jobs that the next run runs: those without a final verdict."""
        return [job for job in self.plan.jobs if not self.record(job).status.is_final]

    @property
    def passed(self) -> bool:
        """Whether no job failed, and none is without a verdict unless a run is in progress."""
        return not self.failed and (self.live or not self.not_done)


def load_session(paths: SessionPaths) -> SessionState:
    """Return the state of the session at `paths`. Raises WorkspaceError when its files are missing or damaged."""
    return SessionFollower(paths).look()


class BatchSnapshot(NamedTuple):
    """A batch as it was read: its newest attempt, whether that attempt's runner lives, and its state."""

    attempt: AttemptFile | None
    alive: bool
    state: BatchState

    @property
    def was_run(self) -> bool:
        """Whether a runner ever claimed the batch, even if it left nothing readable."""
        lost = self.attempt is not None and not self.state.attempts
        return self.state.was_run or self.state.damage is not None or lost


def read_batch(paths: SessionPaths, batch: PlannedBatch, jobs: Mapping[str, LocatedJob]) -> BatchSnapshot:
    """Read `batch`; `jobs` maps ids to jobs. An error is noted as damage of this batch, and affects no other one."""
    files = paths.batch(batch.id)
    try:
        attempt = read_attempt(files.attempt)
        # A damaged attempt file names no runner; the runner, if there is one, ends when it notices.
        alive = attempt is not None and bool(attempt.token) and is_alive(files.attempt, attempt)
        return BatchSnapshot(
            attempt, alive, load_batch(paths, batch.id, [jobs[job] for job in batch.jobs], alive=alive)
        )
    except (OSError, WorkspaceError) as error:
        state = BatchState()
        state.damage = str(error) if isinstance(error, WorkspaceError) else f"{error.filename}: {error.strerror}"
        state.jobs = {job: PENDING.lost(f"its verdict is not known: {state.damage}") for job in batch.jobs}
        return BatchSnapshot(None, alive=False, state=state)


def state_of(paths: SessionPaths, plan: Plan, batches: Iterable[tuple[PlannedBatch, BatchSnapshot]]) -> SessionState:
    """Return the state of a session from its `batches`, read one after the other."""
    # Before the batches: a run that ends meanwhile leaves its verdicts in them. Snakemake runs the newest session.
    live = not _has_newer(paths) and is_being_run(paths.out)
    state = SessionState(paths, plan, {}, live=live, begun=False, runs={}, damaged={})
    begun = False
    for batch, seen in batches:
        _add_batch(state, batch, seen)
        waits = seen.attempt is None and batch.jobs[0] in state.records
        live, begun = live or seen.alive, begun or seen.was_run or waits
    return msgspec.structs.replace(state, live=live, begun=begun)


def _has_newer(paths: SessionPaths) -> bool:
    return any(name > paths.session for name in session_names(paths.out)[-1:])


def _add_batch(state: SessionState, batch: PlannedBatch, seen: BatchSnapshot) -> None:
    """Add what was `seen` of `batch` to `state`."""
    state.records.update(batch_records(state.paths.batch(batch.id), batch.jobs, seen.state, alive=seen.alive))
    if seen.state.attempts:
        state.runs[batch.id] = runs_of(seen.state, alive=seen.alive)
    if seen.state.damage is not None:
        state.damaged[batch.id] = seen.state.damage


def is_being_run(out: Path) -> bool:
    """Return whether a Snakemake that may live works on `out`, directly or in a parent workflow, or is about to."""
    return is_locked(out) or is_run_elsewhere(out) or bool(running_parent_workflows(out))


def batch_records(files: BatchPaths, jobs: Iterable[str], state: BatchState, *, alive: bool) -> dict[str, JobRecord]:
    """Return the known records of a batch's jobs: from the journal, or else from its submission."""
    has_result = os.path.exists(files.result)  # noqa: PTH110 - also False without permission
    waiting = None if alive or has_result else _waiting(files, state)
    known = records_of(state, alive=alive)
    if waiting is None:
        return known
    final = {job: record for job, record in known.items() if record.status.is_final or state.damage is not None}
    return dict.fromkeys(jobs, waiting) | final


def records_of(state: BatchState, *, alive: bool) -> dict[str, JobRecord]:
    """Return the records of one batch's jobs; jobs that run without an `alive` runner were lost."""
    return {
        job: record.lost(LOST) if record.phase is JobPhase.RUNNING and not alive else record
        for job, record in state.jobs.items()
    }


def _waiting(files: BatchPaths, state: BatchState) -> JobRecord | None:
    """Return the record of a batch's open jobs if they were submitted, or refused, after its last attempt started."""
    submissions = read_submissions(files.submission)
    if not submissions or (state.attempt is not None and submissions[-1].time <= state.attempt.time):
        return None
    newest = submissions[-1]
    if newest.ended is None:
        return JobRecord(phase=JobPhase.SUBMITTED, slurm_job_id=newest.slurm_job_id)
    if newest.reason is None:
        return None
    return JobRecord(status=Status(Outcome.NONE, newest.reason), slurm_job_id=newest.slurm_job_id)


Stamp = tuple[int, int, int] | None


class _CachedBatch(msgspec.Struct):
    """What was read of a batch, and the stamps of its files at that time."""

    stamps: tuple[Stamp, ...] | None = None
    batch: BatchSnapshot = BatchSnapshot(None, alive=False, state=BatchState())


class SessionFollower:
    """Reads the state of one session repeatedly: the plan only once, and a journal only if it changed.

    With `only`, the ids of some batches, no other one is read. A `plan` that is known need not be read again.
    """

    def __init__(self, paths: SessionPaths, only: Collection[str] | None = None, plan: Plan | None = None) -> None:
        self.paths = paths
        self.plan = load_plan(paths.plan) if plan is None else plan
        self._jobs = {job.id: job for job in self.plan.jobs}
        self._seen = [(batch, _CachedBatch()) for batch in self.plan.batches if only is None or batch.id in only]

    def look(self) -> SessionState:
        """Return the current state. Raises WorkspaceError when its files are missing or damaged."""
        batches = ((batch, self._read(batch, seen)) for batch, seen in self._seen)
        return state_of(self.paths, self.plan, batches)

    def _read(self, batch: PlannedBatch, seen: _CachedBatch) -> BatchSnapshot:
        """Return `batch`, read again if its files changed or its runner has ended since."""
        files = self.paths.batch(batch.id)
        # A heartbeat only touches the attempt file; new content comes as a new file.
        attempt_stamp = file_stamp(files.attempt)
        stamps = (attempt_stamp and (*attempt_stamp[:2], 0), file_stamp(files.journal), file_stamp(files.result))
        attempt = seen.batch.attempt
        if stamps != seen.stamps or (attempt is not None and seen.batch.alive != lives(files, attempt)):
            seen.batch, seen.stamps = read_batch(self.paths, batch, self._jobs), stamps
        return seen.batch


def lives(files: BatchPaths, attempt: AttemptFile) -> bool:
    """Return whether the runner of `attempt` lives, as far as one look can tell."""
    try:
        return is_alive(files.attempt, attempt)
    except OSError:
        return False


def file_stamp(path: Path) -> Stamp:
    """Return a stamp that changes with the file, or None if it does not exist."""
    try:
        found = os.stat(path)  # noqa: PTH116 - once per batch and check
    except OSError:  # reading it reports the reason
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def read_error(path: Path) -> str | None:
    """Return why the file at `path` cannot be read, or None if it can or does not exist."""
    try:
        open_output(path).close()
    except FileNotFoundError:
        return None
    except OSError as error:
        return error.strerror
    return None


def tail(path: Path, lines: int = 5, most: int = 8192) -> list[str]:
    """Return the last `lines` lines of `path`, from at most `most` bytes; nothing if the file does not exist."""
    try:
        with open_output(path) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - most))
            return file.read().decode("utf-8", "replace").splitlines()[-lines:] if lines else []
    except OSError:
        return []
