"""The lock under which `attempt.json` is replaced: held for a moment, so who holds it for longer is stuck.

Where locks work across machines (NFS) it holds there too, but nothing depends on that: what must be right is the token.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from canary_wf.job.runner_process import RunnerProcess
from canary_wf.json_files import encode
from canary_wf.plain_files import open_own


@contextmanager
def attempt_lock(path: Path, own: RunnerProcess, patience: float) -> Iterator[None]:
    """Hold the lock beside the attempt file `path` for a ``with`` block.

    A holder on this machine that keeps it for longer than `patience` seconds (it was stopped) is ended; one elsewhere
    is passed over after twice that time. Raises OSError.
    """
    descriptor = open_own(path.with_name("attempt.lock"), os.O_RDWR)
    try:
        if _wait_for(descriptor, patience):
            with suppress(OSError):  # who cannot sign it is only harder to find
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, encode(own), 0)
        yield
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, patience: float) -> bool:
    """Return whether the lock is ours, as it should be, or its holder elsewhere does not let go."""
    begun = time.monotonic()
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waited = time.monotonic() - begun
        else:
            return True
        holder = _holder(descriptor)
        if waited > patience and holder is not None and holder.is_here and holder.may_live:
            holder.end()
        elif waited > 2 * patience:
            return False
        time.sleep(0.01)


def _holder(descriptor: int) -> RunnerProcess | None:
    try:
        return msgspec.json.decode(os.pread(descriptor, 4096, 0), type=RunnerProcess)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
