"""Locks between processes on files: acquiring them, with a warning if that is slow, and finding their holders.

They serve writers that read, change and replace another file, so that no change is lost.

The warning comes from a thread made without the module `threading`, whose import takes longer than most calls.

Source: the lines of `/proc/locks` (proc(5)): ``1: FLOCK ADVISORY WRITE 4711 08:01:1234 0 EOF``, with the device in
hexadecimal and the inode in decimal; the line of a waiting process contains ``->``.
"""

import _thread
import errno
import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from canary_wf.errors import WorkspaceError, one_line
from canary_wf.files.json_files import not_writable
from canary_wf.files.plain_files import open_own, open_plain
from canary_wf.files.users import uid_of, user_name

ELSEWHERE = "if it never does, choose a folder on another file system with -d"
"""The remedy for files of a workspace."""

SLOW_AFTER = 3.0
"""Seconds after which a call that should take milliseconds causes a warning."""


@contextmanager
def warn_when_slow(path: Path | str, remedy: str, patience: float = SLOW_AFTER) -> Iterator[None]:
    """Warn on standard error, once, if the file system does not answer while `path` is locked; name the `remedy`.

    There is no warning if the user may not start another thread.
    """
    over, ended = _thread.allocate_lock(), _thread.allocate_lock()
    over.acquire()
    ended.acquire()

    def watch() -> None:
        if not over.acquire(timeout=patience):
            message = one_line(f"{path}: waiting for the file system to answer about its lock; {remedy}")
            sys.stderr.write(f"canary-wf: {message}\n")
            sys.stderr.flush()
        ended.release()

    try:
        _thread.start_new_thread(watch, ())
    except RuntimeError:
        ended.release()
    try:
        yield
    finally:
        over.release()
        ended.acquire()  # so that a later fork happens without this thread


_LOCKS = Path("/proc/locks")
_KINDS = frozenset({"FLOCK", "POSIX"})
"""The type of a `flock` lock, locally and through a server (NFS)."""

_FIELDS = 6


class Holder(NamedTuple):
    """A process of this host that holds a lock, and the id of its user."""

    pid: int
    uid: int

    def __str__(self) -> str:
        return f"process {self.pid} of {user_name(self.uid)}"


def lock_holders(descriptor: int, locks: Path = _LOCKS) -> list[Holder]:
    """Return the visible holders of a lock on the open file; processes in other containers are invisible."""
    found = os.fstat(descriptor)
    device = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}"
    pids = _pids(locks, str(found.st_ino))
    # Some file systems report locks under another device (btrfs, overlayfs); the open files then identify the holder.
    exact = [pid for where, pid in pids if where == device]
    holding = exact or [pid for _, pid in pids if _has_open(pid, found)]
    return [Holder(pid, uid) for pid in dict.fromkeys(holding) if (uid := uid_of(pid)) is not None]


def _pids(locks: Path, inode: str) -> list[tuple[str, int]]:
    """Return the devices and processes of all locks on files with this inode."""
    try:
        lines = locks.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        fields = line.split()
        if len(fields) >= _FIELDS and fields[1] in _KINDS and fields[4].isdecimal():
            device, _, number = fields[5].rpartition(":")
            if number == inode:
                found.append((device, int(fields[4])))
    return found


def _has_open(pid: int, target: os.stat_result) -> bool:
    try:
        names = os.listdir(f"/proc/{pid}/fd")  # noqa: PTH208 - names, not paths
    except OSError:
        return False
    return any(_is_same(f"/proc/{pid}/fd/{name}", target) for name in names)


def _is_same(path: str, target: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.stat(path), target)  # noqa: PTH116 - many per process
    except OSError:
        return False


LOCK_PATIENCE = 30.0
"""Seconds that a writer waits for others; each of them takes milliseconds."""

_PAUSE = 0.01


@contextmanager
def file_lock(path: Path, patience: float = LOCK_PATIENCE, busy: WorkspaceError | None = None) -> Iterator[None]:
    """Hold the lock `path` for a ``with`` block; its folder is created if missing.

    Raises WorkspaceError when locking is impossible; raises `busy`, or else an error that names the lock, when another
    process holds it for longer than `patience` seconds.
    """
    descriptor = _open(path)
    try:
        until = time.monotonic() + patience
        # Only around the first attempt: a lock held by another process is not the fault of the file system.
        with warn_when_slow(path, ELSEWHERE):
            is_locked = _try_lock(descriptor, path)
        while not is_locked and time.monotonic() < until:
            time.sleep(_PAUSE)
            is_locked = _try_lock(descriptor, path)
        if not is_locked:
            hint = "end it, or try again when it is done"
            raise busy or WorkspaceError("another process holds this lock", where=path, hint=hint)
        yield
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Return whether another process holds the lock `path`; nothing is created, and any number may ask at once.

    A file that cannot be read or locked says nothing, which counts as not held.
    """
    try:
        with open_plain(path) as file, warn_when_slow(path, ELSEWHERE):
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return open_own(path, os.O_RDWR)
    except (FileExistsError, NotADirectoryError) as error:
        hint = "move it away, or choose another folder with -d"
        raise WorkspaceError("is not a folder", where=path.parent, hint=hint) from error
    except OSError as error:
        if error.errno == errno.EINVAL:  # what lies there is not a lock file
            raise not_writable(path, error, "remove it") from error
        raise not_writable(path, error) from error


def _try_lock(descriptor: int, path: Path) -> bool:
    """Try to lock the open file; return whether that succeeded."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        hint = "choose a folder on a file system that has locks with -d"
        raise WorkspaceError(f"cannot be locked ({error.strerror})", where=path, hint=hint) from error
    return True
