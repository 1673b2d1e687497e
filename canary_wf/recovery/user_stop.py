"""Whether a user stopped Snakemake, which then cancels its Slurm jobs: Slurm reports these as cancelled, too.

What a person cancels by `scancel` is final; what a stopped workflow cancelled is run by the next one. The stop is noted
by the logger plugin, also in a parent workflow, and by the workflow's error handler, also without the plugin.
"""

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from canary_wf.errors import WorkspaceError
from canary_wf.files.json_files import read_json, write_json
from canary_wf.files.locks import file_lock
from canary_wf.files.plain_files import open_plain
from canary_wf.resources.slurm.jobs import cancel
from canary_wf.state.session_paths import SessionPaths
from canary_wf.state.submission import note_ended, read_submissions

STOP_MESSAGE = "Terminating processes on user request"
"""Snakemake's message when it cancels its jobs."""

_TAIL = 1 << 16


class _UserStops(msgspec.Struct, frozen=True):
    times: tuple[float, ...] = ()


def stopped_by_user(logs: Iterable[str]) -> bool:
    """Return whether Snakemake's log files say that the user stopped it."""
    for name in logs:
        try:
            with open_plain(name, follow=True) as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
                if STOP_MESSAGE.encode() in file.read(_TAIL):
                    return True
        except OSError:
            continue
    return False


def note_user_stop(paths: SessionPaths, now: float) -> None:
    """Note that everything submitted before `now` (epoch seconds) was cancelled by Snakemake. Raises WorkspaceError."""
    with file_lock(_file(paths).with_suffix(".lock")):
        write_json(_file(paths), _UserStops((*_times(paths), now)))


def retract_user_stop(paths: SessionPaths, since: float) -> None:
    """Remove the notes of `since` and later: a user who stops Snakemake twice does not want its jobs to continue."""
    with file_lock(_file(paths).with_suffix(".lock")):
        write_json(_file(paths), _UserStops(tuple(time for time in _times(paths) if time < since)))


def cancel_submissions(submissions: Iterable[Path], now: float) -> None:
    """Cancel the Slurm jobs of batches whose newest submission is open, and note in the file that it ended.

    Snakemake forgets to cancel a job while it is querying it. Raises WorkspaceError.
    """
    left = []
    for path in submissions:
        newest = read_submissions(path)[-1:]
        if newest and newest[0].ended is None:
            left.append(newest[0].slurm_job_id or "")
            note_ended(path, now, "the workflow was stopped")
    cancel(left)


def was_stopped_by_user(paths: SessionPaths, since: float) -> bool:
    """Return whether a stopped Snakemake cancelled what was submitted or started at `since`."""
    return any(time >= since for time in _times(paths))


def _times(paths: SessionPaths) -> tuple[float, ...]:
    if not _file(paths).exists():
        return ()
    try:
        noted: _UserStops = read_json(_file(paths), _UserStops)
    except WorkspaceError:
        return ()
    return noted.times


def _file(paths: SessionPaths) -> Path:
    return paths.folder / "withdrawn.json"
