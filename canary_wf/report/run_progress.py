"""How far a run is, in jobs, from the journals; those that have not changed are not read again."""

from collections import Counter

import msgspec

from canary_wf.durations import format_duration
from canary_wf.job.journal import read_journal
from canary_wf.job.phase import JobPhase
from canary_wf.job.status import Category
from canary_wf.json_files import read_json
from canary_wf.session_paths import SessionPaths


class _Job(msgspec.Struct, frozen=True):
    id: str
    runtime: float


class _Batch(msgspec.Struct, frozen=True):
    id: str


class _Plan(msgspec.Struct, frozen=True):
    jobs: tuple[_Job, ...]
    batches: tuple[_Batch, ...]


class _BatchProgress(msgspec.Struct, frozen=True):
    """One journal as it was last read: its size then, jobs by category, running ones, and which are done."""

    size: int
    categories: Counter[Category]
    running: int
    done: tuple[str, ...]


def _read_plan(paths: SessionPaths) -> _Plan:
    plan: _Plan = read_json(paths.plan, _Plan)
    return plan


class RunProgress:
    """The progress of one session since `started` (epoch seconds)."""

    def __init__(self, paths: SessionPaths, started: float) -> None:
        self._paths = paths
        self._started = started
        self._plan: _Plan | None = None
        self._batches: dict[str, _BatchProgress] = {}
        self._before: float | None = None

    def line(self, now: float) -> str:
        """Return the progress at `now` in words. Raises WorkspaceError for files that cannot be read."""
        if self._plan is None:
            self._plan = _read_plan(self._paths)
            self._runtimes = {job.id: job.runtime for job in self._plan.jobs}
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
        return f"[{done}/{total}] {', '.join(parts)}{self._eta(now)}"

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
        done = tuple(job for job, record in records.items() if record.phase is JobPhase.DONE)
        running = sum(record.phase is JobPhase.RUNNING for record in records.values())
        categories = Counter(records[job].status.category for job in done)
        self._batches[batch] = _BatchProgress(size, categories, running, done)

    def _eta(self, now: float) -> str:
        """Return when all may be over: the work that is left at the pace of this run so far."""
        done = sum(self._runtimes.get(job, 0.0) for seen in self._batches.values() for job in seen.done)
        if self._before is None:
            self._before = done
        worked, elapsed = done - self._before, now - self._started
        left = sum(self._runtimes.values()) - done
        if worked <= 0 or elapsed <= 0 or left <= 0:
            return ""
        return f", about {format_duration(round(left * elapsed / worked))} to go"
