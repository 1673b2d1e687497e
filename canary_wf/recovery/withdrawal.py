"""When a Snakemake was stopped by its user: it takes its Slurm jobs back then, which Slurm reports as cancelled.

What a person cancels by `scancel` is final; what a stopped workflow took back is to be run by the next one. The logger
plugin notes it, also in a larger workflow, and the workflow's error handler, also without the plugin.
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

TOLD = "Terminating processes on user request"
"""What Snakemake says when it takes its jobs back."""

_TAIL = 1 << 16


class _Withdrawals(msgspec.Struct, frozen=True):
    times: tuple[float, ...] = ()


def stopped_by_user(logs: Iterable[str]) -> bool:
    """Return whether Snakemake's log files say that its user stopped it."""
    for name in logs:
        try:
            with open_plain(name, follow=True) as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
                if TOLD.encode() in file.read(_TAIL):
                    return True
        except OSError:
            continue
    return False


def note_withdrawal(paths: SessionPaths, now: float) -> None:
    """Note that everything submitted before `now` (epoch seconds) was taken back. Raises WorkspaceError."""
    with file_lock(_file(paths).with_suffix(".lock")):
        write_json(_file(paths), _Withdrawals((*_times(paths), now)))


def retract_withdrawal(paths: SessionPaths, since: float) -> None:
    """Take back what was noted at `since` and later: whoever stops a Snakemake twice wants no more of its jobs."""
    with file_lock(_file(paths).with_suffix(".lock")):
        write_json(_file(paths), _Withdrawals(tuple(time for time in _times(paths) if time < since)))


def take_back(submissions: Iterable[Path], now: float) -> None:
    """Take back the Slurm jobs of those batches whose newest submission is open, and note in the file that it ended.

    Snakemake forgets to cancel what it is just asking after. Raises WorkspaceError.
    """
    left = []
    for path in submissions:
        newest = read_submissions(path)[-1:]
        if newest and newest[0].ended is None:
            left.append(newest[0].slurm_job_id or "")
            note_ended(path, now, "the workflow was stopped")
    cancel(left)


def was_withdrawn(paths: SessionPaths, since: float) -> bool:
    """Return whether what was submitted or began at `since` was taken back by a Snakemake that was stopped."""
    return any(time >= since for time in _times(paths))


def _times(paths: SessionPaths) -> tuple[float, ...]:
    if not _file(paths).exists():
        return ()
    try:
        noted: _Withdrawals = read_json(_file(paths), _Withdrawals)
    except WorkspaceError:
        return ()
    return noted.times


def _file(paths: SessionPaths) -> Path:
    return paths.folder / "withdrawn.json"
