"""Ending what the jobs of a dead runner left running, so that none outlives it and none runs twice at once.

A process is a job's when its environment had the token of the attempt from its start, or when it is in the group that
the job leads and another process there had the token. The token finds also those whose
group nobody wrote down, and those that left it; and no other process is ended, whatever was written down.
"""

import os
import signal
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from canary_wf.process.process_identity import group_of, is_running, may_be_group, start_ticks
from canary_wf.process.process_signal import send_signals
from canary_wf.run.job.environment import ATTEMPT

PATIENCE = 20.0
"""Seconds that killed processes may take until they are gone."""

_PAUSES = (0.005, 0.1)


def end_left_behind(
    groups: Iterable[tuple[int, int]], tokens: Collection[str], patience: float = PATIENCE
) -> list[int]:
    """Kill all processes that have one of `tokens`, and the `groups` (leader's pid and start) in which one has.

    Waits until they are gone, as a job must not be started again before. Returns the processes that did not end.
    """
    wanted = {token for token in tokens if token}
    return end_marked(groups, lambda pid: not wanted.isdisjoint((inherited(pid, ATTEMPT) or "").split(":")), patience)


def end_marked(
    groups: Iterable[tuple[int, int]], is_marked: Callable[[int], bool], patience: float = PATIENCE
) -> list[int]:
    """Kill all processes of which `is_marked` says that they are ours, and the groups in which one is, as above."""
    candidates = {pid for pid, ticks in groups if may_be_group(pid, ticks)}
    ours: set[int] = set()
    end = time.monotonic() + patience
    pause = _PAUSES[0]
    while left := _living(candidates, ours, is_marked):
        foreign = [each.pid for each in left if not _kill(each)]
        if time.monotonic() > end or len(foreign) == len(left):
            return [each.pid for each in left]
        time.sleep(pause)
        pause = min(2 * pause, _PAUSES[1])
    return []


class _Process(NamedTuple):
    pid: int
    ticks: int
    group: int


def _living(candidates: Collection[int], ours: set[int], is_marked: Callable[[int], bool]) -> list[_Process]:
    """Return the processes that are marked, and those of candidate groups in which one is or was: these are `ours`.

    The number of a group proves nothing, as anybody may have written it down.
    """
    own = os.getpid()
    pids = [int(name) for name in os.listdir("/proc") if name.isdecimal()]  # noqa: PTH208 - names, not paths
    found = [_Process(pid, start_ticks(pid), group_of(pid)) for pid in pids if pid != own]
    marked = [each for each in found if each.group and is_marked(each.pid)]
    ours.update(each.group for each in marked if each.group in candidates)
    others = [each for each in found if each.group in ours]
    return list(dict.fromkeys([*marked, *others]))


def _kill(process: _Process) -> bool:
    """Kill the process; return whether this user may."""
    try:
        send_signals(process.pid, lambda: is_running(process.pid, process.ticks), signal.SIGKILL)
    except PermissionError:
        return False
    return True


def inherited(pid: int, name: str) -> str | None:
    """Return what the variable `name` was when the process `pid` was started; None where it is not known."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return None  # another user's, or gone
    _, found, rest = b"\0".join((b"", environment)).partition(f"\0{name}=".encode())
    return os.fsdecode(rest.partition(b"\0")[0]) if found else None
