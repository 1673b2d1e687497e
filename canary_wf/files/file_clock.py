"""The age of a file by the clock that stamps files in its folder, such as a file server's, which may differ from ours.

That clock is read from a probe file. Where none may be created (a foreign workspace, a full disk), this machine's clock
is used.
"""

import os
import time
from pathlib import Path

_KEPT = 10.0
"""Seconds after which a file system's clock is read again."""

_clocks: dict[int, tuple[float, float]] = {}
"""By device: how far its clock is ahead of `_steady`, and when that was measured."""


def age_of(path: Path) -> float:
    """Return the seconds since the last change of `path`, negative for a time in the future. Raises OSError."""
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
    """Return the time stamp of a new file in `folder`, or None if this user should not create one."""
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
    """Return seconds on a clock that keeps counting while the machine sleeps, and never jumps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
