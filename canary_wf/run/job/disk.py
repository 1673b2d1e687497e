"""Whether a disk is full, or was while a job ran: failures of jobs are then the disk's fault, not theirs.

The job whose output filled the disk is the exception: it fails, so that the others can run once there is space.
"""

import errno
import os
import re
import time
from collections.abc import Iterable
from pathlib import Path

from canary_wf.files.plain_files import open_plain
from canary_wf.state.job_file import OUTPUT_FILE
from canary_wf.wording import size

_FULL = {errno.ENOSPC, errno.EDQUOT}
_LEAST = 1 << 20
"""Bytes of free space below which a disk counts as full; on a small file system, a 64th of its size if that is less."""

_WORTH_NAMING = 1 << 20
"""Bytes of output above which a job is named as the one that printed most."""

_PROBE = ".canary-wf-probe"

_NO_SPACE = (
    rb"(?i)no space|disk quota|quota exceeded|no usable temporary|not enough (?:disk )?space"
    rb"|(?:disk|device|file ?system) (?:is )?full|\berrno[ =:]*(?:28|122)\b|\bENOSPC\b|\bEDQUOT\b"
)
"""What programs print when a disk is full. It is compiled when it is needed, as most batches never are."""

_END_OF_OUTPUT = 1 << 16
"""Bytes at the end of a job's output that are searched for such messages."""


class DiskWatch:
    """Watches the file systems of folders: `home` holds the jobs, `temporary` their temporary files."""

    def __init__(self, home: str, temporary: str) -> None:
        self.home = home
        self.temporary = temporary
        self._disks: dict[int, str] = {}
        self._free: dict[int, int] = {}
        self._seen_full: dict[int, float] = {}
        self._seen_free: dict[int, float] = {}
        for disk in (home, temporary):
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
            is_full = _free_at(disk)[1]
            (self._seen_full if is_full else self._seen_free)[device] = time.monotonic()
            found += [disk] if is_full else []
        return found

    def look_at(self, folder: str) -> None:
        """Check whether the disk of `folder` has space, and remember it."""
        device = self._add(folder)
        if device is not None:
            (self._seen_full if _free_at(folder)[1] else self._seen_free)[device] = time.monotonic()

    def full_since(self, started: float, *folders: str | None, tried: bool = True) -> str | None:
        """Return the first of a job's `folders` whose disk was full at some time since its start, `started`, or None.

        With `tried`, a probe file is written to the first one, because only that detects a quota.
        """
        devices = [device for disk in folders if disk and (device := self._add(disk)) is not None]
        self.full()
        if tried and folders[0] and devices and _refuses(folders[0]):
            self._seen_full[devices[0]] = time.monotonic()
        return next((self._disks[each] for each in devices if self._seen_full.get(each, -1.0) >= started), None)

    def had_space_since(self, started: float, folder: str) -> bool:
        """Return whether the disk of `folder` was seen with space since `started`."""
        device = self._add(folder)
        return device is not None and self._seen_free.get(device, -1.0) >= started

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


def reports_full_disk(folder: str) -> bool:
    """Return whether the end of the output in `folder` has a system's message that there is no space left."""
    try:
        with open_plain(f"{folder}/{OUTPUT_FILE}") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _END_OF_OUTPUT))
            return re.search(_NO_SPACE, file.read(_END_OF_OUTPUT)) is not None
    except OSError:
        return False


def printed_in(folder: str) -> int:
    """Return the number of bytes that the job in `folder` has printed."""
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
