"""The lock under which `attempt.json` is replaced: held for a moment, so who holds it for longer is stuck.

Who that is, the kernel says: in the file anybody may have written.

Where locks work across machines (NFS) it holds there too, but nothing depends on that: what must be right is the token.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from canary_wf.files.plain_files import open_own
from canary_wf.files.slow_call import ELSEWHERE, SLOW_AFTER, warn_when_slow
from canary_wf.process.process_identity import start_ticks, this_place
from canary_wf.process.runner_process import RunnerProcess

_PAUSE = 0.01


@contextmanager
def attempt_lock(path: Path, patience: float) -> Iterator[None]:
    """Hold the lock beside the attempt file `path` for a ``with`` block.

    A holder of this user's on this machine that keeps it for longer than `patience` seconds (it was stopped) is ended;
    any other is passed over after twice that time. Raises OSError.
    """
    descriptor = open_own(path.with_name("attempt.lock"), os.O_RDWR)
    try:
        with warn_when_slow(path, ELSEWHERE, 2 * patience + SLOW_AFTER):
            _wait_for(descriptor, patience)
        yield
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, patience: float) -> None:
    """Return once the lock is ours, as it should be, or its holder does not let go."""
    begun = time.monotonic()
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waited = time.monotonic() - begun
        else:
            return
        if waited > patience and _end_holder(descriptor):
            continue
        if waited > 2 * patience:
            return
        time.sleep(_PAUSE)


def _end_holder(descriptor: int) -> bool:
    """End the process of this user's that holds the lock; return whether there was one."""
    from canary_wf.files.lock_holders import lock_holders

    def holds(pid: int) -> bool:
        return any(holder.pid == pid for holder in lock_holders(descriptor))

    for holder in lock_holders(descriptor):
        if holder.uid == os.geteuid() and holder.pid != os.getpid():
            process = RunnerProcess(this_place(), holder.pid, start_ticks(holder.pid))
            return process.end(lambda pid=holder.pid: holds(pid))  # type: ignore[misc]
    return False
