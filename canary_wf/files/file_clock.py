"""How old a file is by the clock that stamps files in its folder: a file server's, whose time may not be ours.

That clock is read off a file made for it. Where none may be made (somebody else's workspace, a disk without room), this
machine's own clock has to do.
"""

import os
import time
from pathlib import Path

_KEPT = 10.0
"""Seconds after which the clock of a file system is read again."""

_clocks: dict[int, tuple[float, float]] = {}
"""By device: how far its clock is ahead of `_steady`, and when that was seen."""


def age_of(path: Path) -> float:
    """Return the seconds since the last change of `path`; below zero for a time to come. Raises OSError."""
    found = path.stat()
    return _now(path.parent, found.st_dev) - found.st_mtime


def _now(folder: Path, device: int) -> float:
    steady = _steady()
    ahead, seen = _clocks.get(device, (0.0, -_KEPT))
    if steady - seen >= _KEPT:
        stamp = _stamp(folder)
        if stamp is None:
            return time.time()
        steady = _steady()
        ahead = stamp - steady
        _clocks[device] = ahead, steady
    return steady + ahead


def _stamp(folder: Path) -> float | None:
    """Return the time that a new file in `folder` gets, None where this user should make none."""
    probe = folder / f".clock.{os.getpid()}.{os.urandom(4).hex()}"
    try:
        if folder.stat().st_uid != os.geteuid():
            return None
        descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            return os.fstat(descriptor).st_mtime
        finally:
            os.close(descriptor)
            probe.unlink()
    except OSError:
        return None


def _steady() -> float:
    """Return seconds that count on while the machine sleeps, and never jump."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
