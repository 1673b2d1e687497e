"""Earlier runs of a job, one small file per job in the workspace's history folder, and the run time expected from them.

`canary_wf.history.run_times` keeps the durations of whole sessions; this is what a job that is run by itself leaves.
Both count for an estimate.
"""

import math
from functools import lru_cache
from pathlib import Path
from statistics import mean, median, pstdev
from typing import Any

import msgspec

from canary_wf.api.job.execution_space import ExecutionSpace, find_cache_dir
from canary_wf.api.job.folder_view import FolderView
from canary_wf.api.job.parts import locked
from canary_wf.files.json_files import not_writable, read_json, write_json
from canary_wf.files.locks import file_lock
from canary_wf.history.run_times import KEPT, History, history_file, load_history
from canary_wf.plan.estimate import estimated_runtime
from canary_wf.spec.batch_slice import RuntimeSource
from canary_wf.spec.job_spec import JobSpec


class CachedRun(msgspec.Struct, frozen=True):
    """One run; `started` is epoch seconds (UTC), `duration` seconds, `passed` whether it did what was expected."""

    session: str | None
    started: float
    duration: float
    outcome: str
    code: int
    passed: bool


class CachedRuns(msgspec.Struct, frozen=True):
    """The last runs of one job, oldest first."""

    id: str
    name: str
    runs: tuple[CachedRun, ...] = ()

    @property
    def durations(self) -> list[float]:
        """Seconds of the runs that count for an estimate: only those that did what was expected."""
        return [run.duration for run in self.runs if run.passed]

    def add(self, run: CachedRun) -> "CachedRuns":
        """Return these runs and `run`; the same run is not counted twice, the oldest is forgotten."""
        others = [one for one in self.runs if one.started != run.started]
        return msgspec.structs.replace(self, runs=(*others, run)[-KEPT:])

    def as_dict(self) -> dict[str, Any]:
        """Return the runs with what they say together: count, mean, median and spread of the good ones (seconds)."""
        good = self.durations
        summary = {
            "count": len(good),
            "mean": mean(good) if good else None,
            "median": median(good) if good else None,
            "spread": pstdev(good) if good else None,
        }
        return {**msgspec.to_builtins(self), **summary}


def runs_file(cache: Path, job: str) -> Path:
    """Return where the runs of the job with this id are kept; a folder for each two digits, so that none is huge."""
    return cache / "jobs" / job[:2] / f"{job[2:]}.json"


def load_runs(cache: Path, job: str) -> CachedRuns | None:
    """Return the runs kept of a job, or None when there are none. Raises WorkspaceError when the file is damaged."""
    path = runs_file(cache, job)
    if not path.is_file():
        return None
    runs: CachedRuns = read_json(path, CachedRuns)
    return runs


def keep_run(cache: Path, job: str, name: str, run: CachedRun) -> None:
    """Add `run` to the runs kept of a job. Raises WorkspaceError when the disk does not take it."""
    path = runs_file(cache, job)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_writable(path, error) from error
    with file_lock(path.parent.with_suffix(".lock")):
        known = load_runs(cache, job) or CachedRuns(job, name)
        write_json(path, known.add(run))


def known_runtime(cache: Path, job: str) -> float | None:
    """Return the median of the seconds that good runs of the job took, or None when none is known."""
    runs = load_runs(cache, job)
    durations = list(runs.durations) if runs else []
    sessions = {run.session for run in runs.runs} if runs else set()
    pairs = _history(cache.parent.parent).runtimes.get(job, ())
    durations += [seconds for session, seconds in pairs if session not in sessions]
    return median(durations) if durations else None


def _history(out: Path) -> History:
    path = history_file(out)
    changed = path.stat().st_mtime_ns if path.is_file() else 0
    return _history_as_of(out, changed)


@lru_cache(maxsize=4)
def _history_as_of(out: Path, _changed: int) -> History:
    """Read the history once for all jobs of a workspace, and again when it has changed."""
    return load_history(out)


class HistoryView(FolderView):
    """The part of a job that comes from its earlier runs."""

    def __init__(self, spec: JobSpec, workspace: ExecutionSpace) -> None:
        super().__init__(spec, workspace)
        self._estimate: tuple[float, RuntimeSource] | None = None

    @property
    def runtime(self) -> float:
        """The seconds it is expected to take, maybe more than its limit; `runtime_source` says where that is from."""
        return self._expected()[0]

    @property
    def runtime_source(self) -> RuntimeSource:
        """Where the expected run time comes from: ``history``, ``declared``, or ``default`` (a part of the limit)."""
        return self._expected()[1]

    def cost(self) -> float:
        """Return the length of the vector of CPUs and expected seconds; a queue starts the costliest first."""
        return math.hypot(self.cpus, self.runtime)

    def _expected(self) -> tuple[float, RuntimeSource]:
        if self._estimate is None:
            cache = find_cache_dir(self.workspace.root)
            known = None if cache is None else known_runtime(cache, self.id)
            self._estimate = estimated_runtime(self.spec, known)
        return self._estimate

    def load_cached_runs(self) -> dict[str, Any] | None:
        """Return the job's last runs with count, mean, median and spread of the good ones (seconds), or None."""
        cache = find_cache_dir(self.workspace.root)
        runs = None if cache is None else load_runs(cache, self.id)
        return None if runs is None else runs.as_dict()

    @locked
    def cache_last_run(self) -> None:
        """Keep when and how long the job ran last, for later estimates; outside of a workspace nothing is kept."""
        record = self.record
        cache = find_cache_dir(self.workspace.root)
        if cache is None or record.started is None or record.duration is None:
            return
        status = record.status
        outcome = status.outcome.name
        run = CachedRun(self.workspace.session, record.started, record.duration, outcome, status.code, status.is_pass)
        keep_run(cache, self.id, self.name, run)
        self._estimate = None
