"""The lock under which a small file is read, changed and replaced, so that of several writers none loses a change."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from canary_wf.errors import WorkspaceError
from canary_wf.json_files import not_writable
from canary_wf.plain_files import open_own
from canary_wf.slow_call import ELSEWHERE, told_when_slow

PATIENCE = 30.0
"""Seconds that a writer waits for the others; each of them takes milliseconds."""

_PAUSE = 0.01


@contextmanager
def update_lock(path: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock `path`, a file of its own whose folder is made, for a ``with`` block, also against other threads.

    Raises WorkspaceError when there can be no lock, and when somebody else holds it for longer than `patience` seconds.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = open_own(path, os.O_RDWR)
    except OSError as error:
        raise not_writable(path, error) from error
    try:
        with told_when_slow(path, ELSEWHERE):
            _wait_for(descriptor, path, time.monotonic() + patience)
        yield
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, path: Path, until: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                hint = "end it, or try again when it is done"
                raise WorkspaceError("another process holds this lock", where=path, hint=hint) from None
        except OSError as error:
            hint = "choose a folder on a file system that has locks with -d"
            raise WorkspaceError(f"cannot be locked ({error.strerror})", where=path, hint=hint) from error
        else:
            return
        time.sleep(_PAUSE)
