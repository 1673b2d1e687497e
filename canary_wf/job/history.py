"""Run times of earlier sessions, by job id: what an estimate knows before anything else.

One file, `history/runtimes.json`: the last durations (seconds) of each job that did what was expected of it, each with
its session, so that a session that goes on after it was recorded does not count twice.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from statistics import median

import msgspec

from canary_wf.job.journal import read_journal
from canary_wf.json_files import not_writable, read_json, write_json
from canary_wf.session_paths import STATE_FOLDER, SessionPaths

KEPT = 20
"""Durations kept for each job: enough for a median that forgets what the job was like long ago."""


class History(msgspec.Struct):
    """For each job id its durations, oldest first, as pairs of session and seconds."""

    runtimes: dict[str, list[tuple[str, float]]] = {}

    def estimate(self, job: str) -> float | None:
        """Return the median of the job's last durations (seconds), or None when it never ran well."""
        known = self.runtimes.get(job)
        return median(seconds for _, seconds in known) if known else None

    def add(self, job: str, session: str, duration: float) -> None:
        """Take the duration (seconds) of `job` in `session` into account."""
        others = [pair for pair in self.runtimes.get(job, []) if pair[0] != session]
        self.runtimes[job] = [*others, (session, round(duration, 4))][-KEPT:]


def history_file(out: Path) -> Path:
    """Return where the history of the workspace `out` lies."""
    return out / STATE_FOLDER / "history" / "runtimes.json"


def load_history(out: Path) -> History:
    """Return the history of the workspace `out`, empty when there is none yet."""
    path = history_file(out)
    return read_json(path, History) if os.path.lexists(path) else History()


def record_session(paths: SessionPaths, batches: Iterable[str]) -> None:
    """Add the durations of a session's jobs to the history on the disk."""
    history = load_history(paths.out)
    add_session(history, paths, batches)
    save_history(history, paths.out)


def add_session(history: History, paths: SessionPaths, batches: Iterable[str]) -> None:
    """Add the durations of a session's jobs to `history`."""
    for batch in batches:
        for job, record in read_journal(paths.batch(batch).journal).jobs.items():
            if record.status.is_pass and record.duration is not None:
                history.add(job, paths.session, record.duration)


def save_history(history: History, out: Path) -> None:
    """Make `history` the one of the workspace `out`. Raises WorkspaceError when it cannot be written."""
    path = history_file(out)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_writable(path.parent, error) from error
    write_json(path, history)
