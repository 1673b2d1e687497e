"""Whether a disk is full, or was while a job ran: failures of jobs are then the disk's fault, not theirs.

The job whose output filled the disk is the exception: it fails, so that the others can run once there is space.
"""

import errno
import os
import time
from collections.abc import Iterable
from pathlib import Path

from canary_wf.state.job_file import OUTPUT_FILE
from canary_wf.wording import size

_FULL = {errno.ENOSPC, errno.EDQUOT}
_LEAST = 1 << 20
"""Bytes of free space below which a disk counts as full; on a small file system, a 64th of its size if that is less."""

_WORTH_NAMING = 1 << 20
"""Bytes of output above which a job is named as the one that printed most."""

_PROBE = ".canary-wf-probe"


class DiskWatch:
    """Watches the file systems of folders: `home` holds the jobs, `disks` are others that they write to."""

    def __init__(self, home: str, *disks: str) -> None:
        self.home = home
        self._disks: dict[int, str] = {}
        self._free: dict[int, int] = {}
        self._seen_full: dict[int, float] = {}
        for disk in (home, *disks):
            self._add(disk)

    def _add(self, disk: str) -> int | None:
        try:
            device = _device_of(disk)
        except OSError:
            return None
        if device not in self._disks:
            self._disks[device] = disk
            self._free[device] = _free_at(disk)[0]
        return device

    def full(self) -> list[str]:
        """Check the disks; return the folders whose disks are full now."""
        found = []
        for device, disk in self._disks.items():
            if _free_at(disk)[1]:
                self._seen_full[device] = time.monotonic()
                found.append(disk)
        return found

    def full_since(self, started: float, folder: str, *further: str | None) -> str | None:
        """Return the folder whose disk was full while a job ran in `folder` since `started`, or None.

        A probe file is written to `folder`, because only that detects a quota; the folders `further` are only queried.
        """
        devices = {device for disk in further if disk and (device := self._add(disk)) is not None}
        self.full()
        own = self._add(folder)
        if own is not None and _refuses(folder):
            self._seen_full[own] = time.monotonic()
        for device in (*self._disks, *devices):
            if self._seen_full.get(device, -1.0) >= started:
                return self._disks[device]
        return None

    def filled_by(self, folder: str, disk: str) -> int:
        """Return the bytes that the job in `folder` printed if they are most of what filled `disk`, else 0."""
        printed = printed_in(folder)
        try:
            device = _device_of(disk)
            if _device_of(folder) != device:
                return 0
        except OSError:
            return 0
        taken = self._free.get(device, 0) - _free_at(disk)[0]
        return printed if printed >= _WORTH_NAMING and 2 * printed >= taken else 0


def says_full(error: OSError | None) -> bool:
    """Return whether `error` says that a disk or a quota is full."""
    return error is not None and error.errno in _FULL


def printed_in(folder: str) -> int:
    """Return how many bytes the job in `folder` has printed."""
    try:
        return os.lstat(f"{folder}/{OUTPUT_FILE}").st_size
    except OSError:
        return 0  # it has not started, or removed its folder


def printed_most(folders: Iterable[tuple[str, str]]) -> str:
    """Return in brackets which of the jobs (name, folder) printed most; empty if none printed much."""
    printed, name = max(((printed_in(folder), name) for name, folder in folders), default=(0, ""))
    return f" ({name} printed most, {size(printed)})" if printed >= _WORTH_NAMING else ""


def _device_of(disk: str) -> int:
    return os.stat(disk).st_dev  # noqa: PTH116 - strings, as in everything that is done for each job


def _free_at(disk: str) -> tuple[int, bool]:
    """Return the free bytes at `disk`, and whether the disk is as good as full; (0, False) if that is unknown."""
    try:
        answer = os.statvfs(disk)
    except OSError:
        return 0, False
    blocks = answer.f_bfree if os.geteuid() == 0 else answer.f_bavail
    inodes = answer.f_ffree if os.geteuid() == 0 else answer.f_favail
    if answer.f_flag & os.ST_RDONLY:
        return 0, False  # a read-only image is full by design
    free = blocks * answer.f_frsize
    little = min(_LEAST, answer.f_blocks * answer.f_frsize // 64)
    return free, free < little or (answer.f_files > 0 and inodes == 0)


def _refuses(folder: str) -> bool:
    path = f"{folder}/{_PROBE}"
    if Path(folder).is_symlink():
        return False  # a job put the link there; do not write through it
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        return says_full(error)
    try:
        os.write(descriptor, bytes(4096))
    except OSError as error:
        return says_full(error)
    finally:
        os.close(descriptor)
        Path(path).unlink(missing_ok=True)
    return False
