"""A lock between processes, and threads, on a file that has no other purpose.

It serves whoever reads, changes and replaces another file, so that of several writers none loses a change.
"""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from canary_wf.errors import WorkspaceError
from canary_wf.files.json_files import not_writable
from canary_wf.files.plain_files import open_own
from canary_wf.files.slow_call import ELSEWHERE, warn_when_slow

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
