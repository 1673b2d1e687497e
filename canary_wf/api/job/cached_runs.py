"""The last runs of a job, kept between sessions: one small file a job in the workspace's history folder.

`canary_wf.history.run_times` keeps the durations of whole sessions; this is what a job that is run by itself leaves.
Both count for an estimate.
"""

from functools import lru_cache
from pathlib import Path
from statistics import mean, median, pstdev
from typing import Any

import msgspec

from canary_wf.files.json_files import not_writable, read_json, write_json
from canary_wf.files.locks import file_lock
from canary_wf.history.run_times import KEPT, History, history_file, load_history
from canary_wf.state.session_paths import STATE_FOLDER


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


def find_cache_dir(start: Path) -> Path | None:
    """Return the folder in which the workspace around `start` keeps what outlives a session, or None outside of one.

    The workspace is the nearest folder, from `start` upwards, that holds a `.canary-wf`. The folder itself may not
    be there yet.
    """
    start = Path(start).absolute()
    for folder in (start, *start.parents):
        if (folder / STATE_FOLDER).is_dir():
            return history_file(folder).parent
    return None


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
