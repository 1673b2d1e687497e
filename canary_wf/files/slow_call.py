"""A word when a call into the system does not come back: locks whose server is gone keep their caller for ever.

A thread waits beside the call, made without the module `threading`, which takes longer to import than most calls last.
"""

import _thread
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from canary_wf.errors import one_line

ELSEWHERE = "if it never does, choose a folder on another file system with -d"
"""What to do about files of a workspace."""

SLOW_AFTER = 3.0
"""Seconds after which there is a warning about a call that should take milliseconds."""


@contextmanager
def warn_when_slow(path: Path | str, remedy: str, patience: float = SLOW_AFTER) -> Iterator[None]:
    """Say on standard error, once, that the file system does not answer when locking `path`, and the `remedy`."""
    over, ended = _thread.allocate_lock(), _thread.allocate_lock()
    over.acquire()
    ended.acquire()

    def watch() -> None:
        if not over.acquire(timeout=patience):
            told = one_line(f"{path}: waiting for the file system to answer about its lock; {remedy}")
            sys.stderr.write(f"canary-wf: {told}\n")
            sys.stderr.flush()
        ended.release()

    _thread.start_new_thread(watch, ())
    try:
        yield
    finally:
        over.release()
        ended.acquire()  # whoever forks next is alone
