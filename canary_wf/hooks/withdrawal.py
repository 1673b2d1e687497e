"""When a Snakemake was stopped by its user: it takes its Slurm jobs back then, which Slurm tells as cancelled.

What a person cancels by `scancel` is final; what a stopped workflow took back is to be run by the next one.
"""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from canary_wf.errors import WorkspaceError
from canary_wf.json_files import read_json, write_json
from canary_wf.session_paths import SessionPaths

_TOLD = b"Terminating processes on user request"
"""What Snakemake writes into its log when it takes its jobs back."""

_TAIL = 1 << 16


class _Withdrawals(msgspec.Struct, frozen=True):
    times: tuple[float, ...] = ()


def stopped_by_user(logs: Iterable[str]) -> bool:
    """Return whether Snakemake's log files say that its user stopped it."""
    for name in logs:
        try:
            with Path(name).open("rb") as file:
                file.seek(max(0, Path(name).stat().st_size - _TAIL))
                if _TOLD in file.read():
                    return True
        except OSError:
            continue
    return False


def note_withdrawal(paths: SessionPaths, now: float) -> None:
    """Note that everything submitted before `now` (epoch seconds) was taken back. Raises WorkspaceError."""
    write_json(_file(paths), _Withdrawals((*_times(paths), now)))


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
