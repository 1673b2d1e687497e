"""Ending what the jobs of a dead runner left running, so that none outlives it and none runs twice at once.

A process is a job's when it is in the group that the job leads, or when it bears the token of its attempt in its
environment, which it got in the moment it came into being. The token finds also those whose group nobody wrote
down, and those that left it.
"""

import os
import signal
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

from canary_wf.job.environment import ATTEMPT
from canary_wf.job.processes import group_of, may_be_group

PATIENCE = 20.0
"""Seconds that killed processes may take until they are gone."""

_PAUSES = (0.005, 0.1)


def end_left_behind(
    groups: Iterable[tuple[int, int]], tokens: Collection[str], patience: float = PATIENCE
) -> list[int]:
    """Kill the process groups (leader's pid and start) and all that bears one of `tokens`; return what did not end.

    It waits until they are gone: a job must not be started again before.
    """
    ours = {pid for pid, ticks in groups if may_be_group(pid, ticks)}
    end = time.monotonic() + patience
    pause = _PAUSES[0]
    while left := _living(ours, tokens):
        for pid, _ in left:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > end:
            return [pid for pid, _ in left]
        time.sleep(pause)
        pause = min(2 * pause, _PAUSES[1])
    return []


def _living(groups: Collection[int], tokens: Collection[str]) -> list[tuple[int, int]]:
    own = os.getpid()
    pids = [int(name) for name in os.listdir("/proc") if name.isdecimal()]  # noqa: PTH208 - names, not paths
    found = [(pid, group_of(pid)) for pid in pids if pid != own]
    return [(pid, group) for pid, group in found if group and (group in groups or _bears(pid, tokens))]


def _bears(pid: int, tokens: Collection[str]) -> bool:
    return not set(tokens).isdisjoint((inherited(pid, ATTEMPT) or "").split(":"))


def inherited(pid: int, name: str) -> str | None:
    """Return what the variable `name` was when the process `pid` was started; None where it is not known."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return None  # another user's, or gone
    _, found, rest = b"\0".join((b"", environment)).partition(f"\0{name}=".encode())
    return os.fsdecode(rest.partition(b"\0")[0]) if found else None
