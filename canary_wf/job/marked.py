"""Finding processes by what they inherited: the variable that names the attempt at a batch they came from.

A process that left its group, its session and its parent still has the environment it was started with, unless it
took care to lose that too. All of this is Linux's `/proc`; elsewhere nothing is found.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from canary_wf.job.environment import ATTEMPT

_PATIENCE = 5.0
"""Seconds after which it is given up to kill processes that make new ones faster than they can be killed."""


def inherited(pid: int, name: str) -> str | None:
    """Return what the variable `name` was when the process `pid` was started; None where it is not known."""
    prefix = f"{name}=".encode()
    try:
        content = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return None
    for entry in content.split(b"\0"):
        if entry.startswith(prefix):
            return os.fsdecode(entry[len(prefix) :])
    return None


def kill_marked(token: str) -> int:
    """Kill all processes of the attempt `token`, whoever their parents are; return how many there were."""
    killed: set[int] = set()
    end = time.monotonic() + _PATIENCE
    while (found := list(_marked(token))) and time.monotonic() < end:
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if not set(found) - killed:
            time.sleep(0.01)  # they are about to go
        killed.update(found)
    return len(killed)


def _marked(token: str) -> Iterator[int]:
    try:
        names = os.listdir("/proc")  # noqa: PTH208 - thousands of names, no paths
    except OSError:
        return
    for name in names:
        if name.isdecimal() and int(name) != os.getpid() and token in (inherited(int(name), ATTEMPT) or "").split(":"):
            yield int(name)
