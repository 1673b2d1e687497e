"""Locks between processes on files: taken, waited for with a warning, and who holds one by the kernel's account.

It serves whoever reads, changes and replaces another file, so that of several writers none loses a change.

A thread waits beside the call, made without the module `threading`, which takes longer to import than most calls last.

Facts: the lines of `/proc/locks` (proc(5)): ``1: FLOCK ADVISORY WRITE 4711 08:01:1234 0 EOF``, with the device in
hexadecimal and the inode in decimal; a line of one who waits has ``->`` in it.
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
from canary_wf.files.plain_files import open_own
from canary_wf.files.user_names import uid_of, user_name

ELSEWHERE = "if it never does, choose a folder on another file system with -d"
"""What to do about files of a workspace."""

SLOW_AFTER = 3.0
"""Seconds after which there is a warning about a call that should take milliseconds."""


@contextmanager
def warn_when_slow(path: Path | str, remedy: str, patience: float = SLOW_AFTER) -> Iterator[None]:
    """Say on standard error, once, that the file system does not answer when locking `path`, and the `remedy`.

    Nothing is said where the user may start no further thread.
    """
    over, ended = _thread.allocate_lock(), _thread.allocate_lock()
    over.acquire()
    ended.acquire()

    def watch() -> None:
        if not over.acquire(timeout=patience):
            told = one_line(f"{path}: waiting for the file system to answer about its lock; {remedy}")
            sys.stderr.write(f"canary-wf: {told}\n")
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
        ended.acquire()  # whoever forks next is alone


_LOCKS = Path("/proc/locks")
_KINDS = frozenset({"FLOCK", "POSIX"})
"""What `flock` is here, and where it goes through a server (NFS)."""

_FIELDS = 6


class Holder(NamedTuple):
    """A process of this host that holds a lock, and the id of its user."""

    pid: int
    uid: int

    def __str__(self) -> str:
        return f"process {self.pid} of {user_name(self.uid)}"


def lock_holders(descriptor: int, locks: Path = _LOCKS) -> list[Holder]:
    """Return who holds a lock on the open file, as far as this process can see them: not in other containers."""
    found = os.fstat(descriptor)
    device = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}"
    pids = _pids(locks, str(found.st_ino))
    # Some file systems show locks under another device (btrfs, overlayfs): then the open file itself tells.
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


def _has_open(pid: int, wanted: os.stat_result) -> bool:
    try:
        names = os.listdir(f"/proc/{pid}/fd")  # noqa: PTH208 - names, not paths
    except OSError:
        return False
    return any(_is_same(f"/proc/{pid}/fd/{name}", wanted) for name in names)


def _is_same(path: str, wanted: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.stat(path), wanted)  # noqa: PTH116 - many a process
    except OSError:
        return False


LOCK_PATIENCE = 30.0
"""Seconds that a writer waits for the others; each of them takes milliseconds."""

_PAUSE = 0.01


@contextmanager
def file_lock(path: Path, patience: float = LOCK_PATIENCE, busy: WorkspaceError | None = None) -> Iterator[None]:
    """Hold the lock `path`, whose folder is made where it is missing, for a ``with`` block.

    Raises WorkspaceError when there can be no lock, and `busy`, or else an error that names the lock, when somebody
    holds it for longer than `patience` seconds.
    """
    descriptor = _open(path)
    try:
        until = time.monotonic() + patience
        # Not around all tries: a lock that another process holds is not the fault of the file system.
        with warn_when_slow(path, ELSEWHERE):
            is_ours = _take(descriptor, path)
        while not is_ours and time.monotonic() < until:
            time.sleep(_PAUSE)
            is_ours = _take(descriptor, path)
        if not is_ours:
            hint = "end it, or try again when it is done"
            raise busy or WorkspaceError("another process holds this lock", where=path, hint=hint)
        yield
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return open_own(path, os.O_RDWR)
    except (FileExistsError, NotADirectoryError) as error:
        hint = "move it away, or choose another folder with -d"
        raise WorkspaceError("is not a folder", where=path.parent, hint=hint) from error
    except OSError as error:
        if error.errno == errno.EINVAL:  # what lies in its place is nobody's work
            raise not_writable(path, error, "remove it") from error
        raise not_writable(path, error) from error


def _take(descriptor: int, path: Path) -> bool:
    """Take the lock of the open file; return whether that was possible now."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        hint = "choose a folder on a file system that has locks with -d"
        raise WorkspaceError(f"cannot be locked ({error.strerror})", where=path, hint=hint) from error
    return True
