"""The progress of a run and its batches, from journals that are reread only if they changed."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from canary_wf.files.file_clock import age_of
from canary_wf.files.json_files import read_json
from canary_wf.plan.time_left import left_in_words, time_left
from canary_wf.report.session import SessionState, Stamp, file_stamp
from canary_wf.spec.batch_slice import PlannedBatch, RuntimeSource
from canary_wf.state.attempt import is_alive, read_attempt
from canary_wf.state.journal import read_journal
from canary_wf.state.session_paths import BatchPaths, SessionPaths
from canary_wf.state.waiting import read_waiting
from canary_wf.verdict.status import Category, JobPhase


class _BatchProgress(NamedTuple):
    """One batch: the number of its jobs with a verdict, of its running jobs, and the expected seconds left."""

    batch: PlannedBatch
    done: int
    failed: int
    running: int
    remaining: float


def _progress(state: SessionState, now: float) -> Iterator[_BatchProgress]:
    """Yield the progress of the batches of `state` at the time `now` (epoch seconds), in the plan's order."""
    records = {job.id: state.record(job) for job in state.plan.jobs}
    left = time_left(state.plan.jobs, state.plan.batches, records.__getitem__, now, scheduler=state.plan.scheduler)
    for batch, remaining in zip(state.plan.batches, left.batches, strict=True):
        found = [records[job] for job in batch.jobs]
        done = [record for record in found if record.phase is JobPhase.DONE]
        failed = sum(record.status.counts_as_failed for record in done)
        running = sum(record.phase is JobPhase.RUNNING for record in found)
        yield _BatchProgress(batch, len(done), failed, running, remaining)


def progress_of(state: SessionState, now: float) -> Iterator[str]:
    """Yield a line for each batch with a live runner; `now` is epoch seconds."""
    if not state.live:
        return
    for progress in _progress(state, now):
        name, total = progress.batch.id, len(progress.batch.jobs)
        silence = None if progress.done == total else _silence_of(state.paths.batch(name))
        if silence is None:
            continue
        waiting = read_waiting(state.paths.batch(name).waiting)
        if waiting is not None:
            yield f"batch {name}: {waiting}"
            continue
        yield (
            f"batch {name}: {progress.done} of {total} done ({progress.failed} failed), {progress.running} running,"
            f" {left_in_words(progress.remaining)}; last heartbeat {max(0, round(silence))} s ago"
        )


def _silence_of(files: BatchPaths) -> float | None:
    """Return the seconds since the last heartbeat of a batch's runner, or None if no runner is alive."""
    attempt = read_attempt(files.attempt)
    if attempt is None or not is_alive(files.attempt, attempt):
        return None
    return age_of(files.attempt)


class _Job(msgspec.Struct, frozen=True):
    id: str
    runtime: float
    runtime_source: RuntimeSource


class _Plan(msgspec.Struct, frozen=True):
    jobs: tuple[_Job, ...]
    batches: tuple[PlannedBatch, ...]
    scheduler: str


class _JobSnapshot(NamedTuple):
    """The part of a job's record that is kept; there are many records."""

    phase: JobPhase = JobPhase.PENDING
    started: float | None = None
    duration: float | None = None


class _JournalSnapshot(msgspec.Struct, frozen=True):
    """One journal as last read: its stamp, numbers of jobs by category, number of running jobs, and each job."""

    stamp: Stamp
    categories: Counter[Category]
    running: int
    jobs: dict[str, _JobSnapshot]


def _read_plan(paths: SessionPaths) -> _Plan:
    plan: _Plan = read_json(paths.plan, _Plan)
    return plan


class RunProgress:
    """The progress of one session."""

    def __init__(self, paths: SessionPaths) -> None:
        self._paths = paths
        self._plan: _Plan | None = None
        self._batches: dict[str, _JournalSnapshot] = {}

    def line(self, now: float) -> str:
        """Return the progress at `now` in one line. Raises WorkspaceError for files that cannot be read."""
        if self._plan is None:
            self._plan = _read_plan(self._paths)
        for batch in self._plan.batches:
            self._refresh(batch.id)
        total = len(self._plan.jobs)
        found: Counter[Category] = Counter()
        for seen in self._batches.values():
            found += seen.categories
        done, running = sum(found.values()), sum(seen.running for seen in self._batches.values())
        failed = found[Category.FAIL] + found[Category.CANCEL]
        parts = [f"{found[Category.PASS]} passed", f"{failed} failed"]
        parts += [f"{found[Category.SKIP]} skipped"] if found[Category.SKIP] else []
        parts += [f"{running} running", f"{total - done - running} left"]
        return f"[{done}/{total}] {', '.join(parts)}{self._left(self._plan, now)}"

    def _refresh(self, batch: str) -> None:
        path = self._paths.batch(batch).journal
        stamp = file_stamp(path)
        if stamp is None:
            return
        before = self._batches.get(batch)
        if before is not None and before.stamp == stamp:
            return
        records = read_journal(path).jobs  # of a damaged journal, the valid lines
        running = sum(record.phase is JobPhase.RUNNING for record in records.values())
        done = (record for record in records.values() if record.phase is JobPhase.DONE)
        categories = Counter(record.status.category for record in done)
        jobs = {job: _JobSnapshot(record.phase, record.started, record.duration) for job, record in records.items()}
        self._batches[batch] = _JournalSnapshot(stamp, categories, running, jobs)

    def _left(self, plan: _Plan, now: float) -> str:
        """Return the time left in words, once something has started."""
        seen = {job: one for batch in self._batches.values() for job, one in batch.jobs.items()}
        if not seen or all(job.id in seen and seen[job.id].phase is JobPhase.DONE for job in plan.jobs):
            return ""
        waits = _JobSnapshot()
        left = time_left(plan.jobs, plan.batches, lambda job: seen.get(job, waits), now, scheduler=plan.scheduler).whole
        return f", {left_in_words(left, 'to go')}"
