"""Whether a disk that the jobs write to is full, or was while they ran: then what they say of themselves is its fault.

The job whose output took up the space is the exception: it fails, so that the others can run once there is space.
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
"""Bytes below which a disk counts as full; a file system that is small altogether has a 64th part of it."""

_WORTH_NAMING = 1 << 20
"""Bytes of output from which on a job is named as the one that printed most."""

_PROBE = ".canary-wf-probe"


class DiskWatch:
    """Watches the file systems of folders: `home` is that of the jobs, `places` are others that they write to."""

    def __init__(self, home: str, *places: str) -> None:
        self.home = home
        self._places: dict[int, str] = {}
        self._free: dict[int, int] = {}
        self._seen_full: dict[int, float] = {}
        for place in (home, *places):
            self._add(place)

    def _add(self, place: str) -> int | None:
        try:
            device = _device_of(place)
        except OSError:
            return None
        if device not in self._places:
            self._places[device] = place
            self._free[device] = _free_at(place)[0]
        return device

    def full(self) -> list[str]:
        """Look around; return the places whose disks are full now."""
        found = []
        for device, place in self._places.items():
            if _free_at(place)[1]:
                self._seen_full[device] = time.monotonic()
                found.append(place)
        return found

    def full_since(self, started: float, folder: str, *further: str | None) -> str | None:
        """Return the place, for a job that ran in `folder` since `started`, whose disk was full meanwhile, or None.

        Whether `folder` takes a file is tried out, as only that tells of a quota; the folders `further` are looked at.
        """
        devices = {device for place in further if place and (device := self._add(place)) is not None}
        self.full()
        own = self._add(folder)
        if own is not None and _refuses(folder):
            self._seen_full[own] = time.monotonic()
        for device in (*self._places, *devices):
            if self._seen_full.get(device, -1.0) >= started:
                return self._places[device]
        return None

    def filled_by(self, folder: str, place: str) -> int:
        """Return how many bytes the job in `folder` printed if that is most of what has filled `place`, else 0."""
        printed = printed_in(folder)
        try:
            device = _device_of(place)
            if _device_of(folder) != device:
                return 0
        except OSError:
            return 0
        taken = self._free.get(device, 0) - _free_at(place)[0]
        return printed if printed >= _WORTH_NAMING and 2 * printed >= taken else 0


def says_full(error: OSError | None) -> bool:
    """Return whether `error` says that a disk, or what its user may have of it, is full."""
    return error is not None and error.errno in _FULL


def printed_in(folder: str) -> int:
    """Return how many bytes the job in `folder` has printed."""
    try:
        return os.lstat(f"{folder}/{OUTPUT_FILE}").st_size
    except OSError:
        return 0  # it has not begun, or took its folder away


def printed_most(folders: Iterable[tuple[str, str]]) -> str:
    """Return in brackets which of the jobs (name and folder) printed most, empty when none printed much."""
    printed, name = max(((printed_in(folder), name) for name, folder in folders), default=(0, ""))
    return f" ({name} printed most, {size(printed)})" if printed >= _WORTH_NAMING else ""


def _device_of(place: str) -> int:
    return os.stat(place).st_dev  # noqa: PTH116 - texts, as in all that is done for each job


def _free_at(place: str) -> tuple[int, bool]:
    """Return how many bytes are free at `place`, and whether that is as good as none; what cannot be asked is free."""
    try:
        told = os.statvfs(place)
    except OSError:
        return 0, False
    blocks = told.f_bfree if os.geteuid() == 0 else told.f_bavail
    inodes = told.f_ffree if os.geteuid() == 0 else told.f_favail
    if told.f_flag & os.ST_RDONLY:
        return 0, False  # an image that holds just what it holds
    free = blocks * told.f_frsize
    little = min(_LEAST, told.f_blocks * told.f_frsize // 64)
    return free, free < little or (told.f_files > 0 and inodes == 0)


def _refuses(folder: str) -> bool:
    path = f"{folder}/{_PROBE}"
    if Path(folder).is_symlink():
        return False  # a job put it there; what it leads to is nothing to write in
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
