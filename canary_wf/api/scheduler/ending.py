"""Ending processes in order: asked first, killed after a moment's grace, and waited for."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence

from canary_wf.api.scheduler.worker import RunningProcess
from canary_wf.process.orphans import PATIENCE
from canary_wf.process.posix_spawn import GRACE
from canary_wf.process.process_identity import signal_group

_GLANCE = 0.01
"""Seconds between two looks at a process that is to end."""


def end_processes(processes: Sequence[RunningProcess], hurry: Callable[[], object] = lambda: False) -> None:
    """End `processes`, with their groups where they lead one, and wait until they are gone.

    They are killed when GRACE is over, or as soon as `hurry` says so, or an exception ends the wait. One that raises
    when it is asked keeps no other from being ended; what it raised is raised when all are.
    """
    end = time.monotonic() + GRACE
    steps: list[Callable[[RunningProcess], None]] = [
        ask_to_end,
        lambda process: _wait(process, end, hurry),
        kill,
        lambda process: _wait(process, time.monotonic() + PATIENCE),
    ]
    with contextlib.ExitStack() as stack:  # which goes on after an exception; what was pushed last is done first
        for step in reversed(steps):
            for process in processes:
                stack.callback(step, process)


def ask_to_end(process: RunningProcess) -> None:
    """Send SIGTERM to the group that `process` leads, or else to the process."""
    _end(process, signal.SIGTERM, "terminate")


def kill(process: RunningProcess) -> None:
    """Kill the group that `process` leads (also when it has ended itself), or else the process."""
    _end(process, signal.SIGKILL, "kill")


def _end(process: RunningProcess, number: signal.Signals, method: str) -> None:
    pid = pid_of(process)
    if (pid is None or not signal_group(pid, number)) and _runs(process):
        end = getattr(process, method, None) or getattr(process, "kill", None)  # not everything can be asked
        if end is not None:
            end()


def pid_of(process: RunningProcess) -> int | None:
    """Return the process id, or None for what has none that can be watched and signalled: its caller's own thing."""
    pid = getattr(process, "pid", None)
    return pid if isinstance(pid, int) and pid > 1 and pid not in (os.getpid(), os.getpgrp()) else None


def _runs(process: RunningProcess) -> bool:
    return hasattr(process, "poll") and process.poll() is None


def _wait(process: RunningProcess, end: float, hurry: Callable[[], object] = lambda: False) -> None:
    while not hurry() and (left := end - time.monotonic()) > 0 and _runs(process):
        time.sleep(min(left, _GLANCE))
