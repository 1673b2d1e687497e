"""How far a run and its batches are, from journals that are read again only where they changed."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from canary_wf.durations import format_duration
from canary_wf.files.file_clock import age_of
from canary_wf.files.json_files import read_json
from canary_wf.report.live.forecast import forecast, time_left
from canary_wf.report.session import SessionState
from canary_wf.spec.batch_slice import RuntimeSource
from canary_wf.state.attempt import is_alive, read_attempt
from canary_wf.state.journal import read_journal
from canary_wf.state.session_paths import BatchPaths, SessionPaths
from canary_wf.state.waiting import read_waiting
from canary_wf.verdict.status import Category, JobPhase


def progress_of(state: SessionState, now: float) -> Iterator[str]:
    """Yield a line for each batch that has a living runner; `now` is epoch seconds."""
    if not state.live:
        return
    for progress in forecast(state, now).batches:
        name, total = progress.batch.id, len(progress.batch.jobs)
        silence = None if progress.is_done else _silence_of(state.paths.batch(name))
        if silence is None:
            continue
        waiting = read_waiting(state.paths.batch(name).waiting)
        if waiting is not None:
            yield f"batch {name}: {waiting}"
            continue
        left = format_duration(max(1, round(progress.remaining)))
        yield (
            f"batch {name}: {progress.done} of {total} done ({progress.failed} failed), {progress.running} running,"
            f" about {left} left; last sign of life {max(0, round(silence))} s ago"
        )


def _silence_of(files: BatchPaths) -> float | None:
    """Return the seconds since the last sign of life of a batch's runner, None when none is alive."""
    attempt = read_attempt(files.attempt)
    if attempt is None or not is_alive(files.attempt, attempt):
        return None
    return age_of(files.attempt)


def waiting_lines(state: SessionState) -> Iterator[str]:
    """Yield what batches of a session that is being run wait for before their first job, one line each."""
    for batch in state.plan.batches if state.live else ():
        if batch.id in state.runs and (waiting := read_waiting(state.paths.batch(batch.id).waiting)) is not None:
            yield f"batch {batch.id}: {waiting}"


class _Job(msgspec.Struct, frozen=True):
    id: str
    runtime: float
    runtime_source: RuntimeSource


class _Batch(msgspec.Struct, frozen=True):
    id: str
    jobs: tuple[str, ...]
    dependencies: tuple[str, ...]
    nodes: int
    runtime: float


class _Plan(msgspec.Struct, frozen=True):
    jobs: tuple[_Job, ...]
    batches: tuple[_Batch, ...]
    scheduler: str


class _Seen(NamedTuple):
    """What is kept of a job's record, of which there are many."""

    phase: JobPhase = JobPhase.PENDING
    started: float | None = None
    duration: float | None = None


class _BatchProgress(msgspec.Struct, frozen=True):
    """One journal as it was last read: its size then, jobs by category, how many run, and each job."""

    size: int
    categories: Counter[Category]
    running: int
    jobs: dict[str, _Seen]


def _read_plan(paths: SessionPaths) -> _Plan:
    plan: _Plan = read_json(paths.plan, _Plan)
    return plan


class RunProgress:
    """The progress of one session."""

    def __init__(self, paths: SessionPaths) -> None:
        self._paths = paths
        self._plan: _Plan | None = None
        self._batches: dict[str, _BatchProgress] = {}

    def line(self, now: float) -> str:
        """Return the progress at `now` in words. Raises WorkspaceError for files that cannot be read."""
        if self._plan is None:
            self._plan = _read_plan(self._paths)
        for batch in self._plan.batches:
            self._look(batch.id)
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

    def _look(self, batch: str) -> None:
        path = self._paths.batch(batch).journal
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            return
        before = self._batches.get(batch)
        if before is not None and before.size == size:
            return
        records = read_journal(path).jobs  # of a damaged one what can be read
        running = sum(record.phase is JobPhase.RUNNING for record in records.values())
        done = (record for record in records.values() if record.phase is JobPhase.DONE)
        categories = Counter(record.status.category for record in done)
        jobs = {job: _Seen(record.phase, record.started, record.duration) for job, record in records.items()}
        self._batches[batch] = _BatchProgress(size, categories, running, jobs)

    def _left(self, plan: _Plan, now: float) -> str:
        """Return when all may be over, once something has begun."""
        seen = {job: one for batch in self._batches.values() for job, one in batch.jobs.items()}
        if not seen or all(job.id in seen and seen[job.id].phase is JobPhase.DONE for job in plan.jobs):
            return ""
        waits = _Seen()
        left = time_left(plan.jobs, plan.batches, lambda job: seen.get(job, waits), now, scheduler=plan.scheduler).whole
        return f", about {format_duration(max(1, round(left)))} to go"
