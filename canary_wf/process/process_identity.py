"""Which process is meant: a pid together with its start time, and the machine on which it makes sense."""

import os
import signal
import time
from pathlib import Path

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_SLACK = _TICKS_A_SECOND // 2
"""How far the noted start of a job's process may be from the kernel's own; pids do not come round that fast."""


def this_place() -> str:
    """Return what tells this machine, its boot and its process namespace from every other."""
    return "/".join((os.uname().nodename, _line("/proc/sys/kernel/random/boot_id"), _link("/proc/self/ns/pid")))


def start_ticks(pid: int) -> int:
    """Return when `pid` was started (clock ticks since boot), or 0 when there is no such process (or only a zombie)."""
    return _stat(pid, 19)


def group_of(pid: int) -> int:
    """Return the process group of `pid`, or 0 when there is no such process (or only a zombie)."""
    return _stat(pid, 2)


def _stat(pid: int, field: int) -> int:
    """Return a number of the kernel's line about `pid`, counted from its state, or 0 when it does not run."""
    try:
        # The command name stands in parentheses and may hold anything, so count from the last one.
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in {b"Z", b"X"} else int(fields[field])


def ticks_now() -> int:
    """Return the present moment as `start_ticks` counts; for a process just started it is right to a few ticks."""
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * _TICKS_A_SECOND)


def is_running(pid: int, ticks: int) -> bool:
    """Return whether the process `pid` that was started at `ticks` still runs on this machine."""
    return pid > 0 and ticks > 0 and start_ticks(pid) == ticks


def signal_group(pid: int, number: signal.Signals) -> bool:
    """Send `number` to the process group led by `pid`; return whether anyone was there to get it."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def may_be_group(pid: int, ticks: int) -> bool:
    """Return whether the process group `pid`, if there is one, is that of the job whose process started at `ticks`."""
    now = start_ticks(pid)
    return pid > 1 and not (now and abs(now - ticks) > _SLACK)


def _line(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return "-"


def _link(path: str) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115 - not a file path
    except OSError:
        return "-"
