"""How a child process ended, and what it used: asked of the kernel, without waiting."""

import os
from resource import struct_rusage


class Exit:
    """How a process ended: `code` as `subprocess` counts (killed by signal N: -N), and what it used."""

    __slots__ = ("code", "cpu_system", "cpu_user", "max_rss")

    def __init__(self, status: int, usage: struct_rusage) -> None:
        self.code = os.waitstatus_to_exitcode(status)
        self.cpu_user = usage.ru_utime
        self.cpu_system = usage.ru_stime
        self.max_rss = usage.ru_maxrss / 1024  # KiB on Linux, kept in MiB


def reap(pid: int) -> Exit:
    """Collect the child `pid`, which has ended."""
    _, status, usage = os.wait4(pid, 0)
    return Exit(status, usage)


def measure(duration: float, ended: Exit) -> dict[str, float | int]:
    """Return what is measured of a process: seconds of wall and CPU time, peak memory of one process in MiB."""
    return {
        "duration": round(duration, 6),
        "cpu_user": round(ended.cpu_user, 6),
        "cpu_system": round(ended.cpu_system, 6),
        "max_rss": round(ended.max_rss, 3),
        **({"signal": -ended.code} if ended.code < 0 else {}),
    }


def has_ended(pid: int) -> bool:
    """Return whether the child `pid` has ended; it is not reaped."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def has_pidfd() -> bool:
    """Return whether processes can be watched by descriptors: a kernel may be too old, a sandbox may forbid it."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return True
