"""Ending processes in order: asked first (SIGTERM), killed after a moment's grace (SIGKILL), and waited for."""

import contextlib
import math
import os
import signal
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from canary_wf.process.orphans import PATIENCE
from canary_wf.process.process_identity import signal_group

GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL for a process that has to end."""

_GLANCE = 0.01
"""Seconds between two looks at a process that is to end."""

Send = Callable[[signal.Signals], bool]
"""Sends a signal to a process; returns whether a process received it."""


class Deadline:
    """When a process has to end, and how far that has come: it runs, was asked to end, or was killed.

    `at` is the moment (`time.monotonic`) of the next step: the time limit, then the end of the grace after each step.
    """

    __slots__ = ("asked", "at", "killed")

    def __init__(self, at: float = math.inf) -> None:
        self.at = at
        self.asked = False
        self.killed = False

    def ask(self, send: Send) -> None:
        """Ask the process to end, by SIGTERM."""
        self.asked = True
        # A signal that is not permitted now will not be permitted later: a second step would only take longer.
        self.killed = not send(signal.SIGTERM)
        self.at = time.monotonic() + GRACE

    def kill(self, send: Send) -> None:
        """Kill the process."""
        self.asked = self.killed = True
        send(signal.SIGKILL)
        self.at = time.monotonic() + GRACE


class RunningProcess(Protocol):
    """What is asked of a process that somebody else started; `subprocess.Popen` is one.

    A process without a `pid` is polled and ended by its methods. Without `terminate` it is killed at once if no signal
    reaches it.
    """

    pid: int

    def poll(self) -> int | None:
        """Return None while the process runs, else its exit code."""
        ...

    def terminate(self) -> None:
        """Ask the process to end."""
        ...

    def kill(self) -> None:
        """End the process."""
        ...


def pid_of(process: RunningProcess) -> int | None:
    """Return the process id, or None for an object without one that can be watched and signalled."""
    pid = getattr(process, "pid", None)
    return pid if isinstance(pid, int) and pid > 1 and pid not in (os.getpid(), os.getpgrp()) else None


def send_signal(process: RunningProcess, number: signal.Signals) -> bool:
    """Send SIGTERM or SIGKILL to the group that `process` leads, also when it has ended itself, or else to the process.

    Returns whether a process received it.
    """
    pid = pid_of(process)
    if pid is not None and signal_group(pid, number):
        return True
    if not _runs(process):
        return False
    method = "terminate" if number is signal.SIGTERM else "kill"
    end = getattr(process, method, None) or getattr(process, "kill", None)  # not everything can be asked
    if end is not None:
        end()
    return end is not None


def end_processes(processes: Sequence[RunningProcess], hurry: Callable[[], object] = lambda: False) -> None:
    """End `processes`, with their groups where they lead one, and wait until they are gone.

    They are killed after GRACE, as soon as `hurry` returns true, or when an exception ends the wait. If one raises
    while it is being ended, the others are ended all the same, and the exception is raised afterwards.
    """
    end = time.monotonic() + GRACE
    steps: list[Callable[[RunningProcess], object]] = [
        partial(send_signal, number=signal.SIGTERM),
        lambda process: _wait(process, end, hurry),
        partial(send_signal, number=signal.SIGKILL),
        lambda process: _wait(process, time.monotonic() + PATIENCE),
    ]
    with contextlib.ExitStack() as stack:  # which goes on after an exception; what was pushed last is done first
        for step in reversed(steps):
            for process in processes:
                stack.callback(step, process)


def _runs(process: RunningProcess) -> bool:
    return hasattr(process, "poll") and process.poll() is None


def _wait(process: RunningProcess, end: float, hurry: Callable[[], object] = lambda: False) -> None:
    while not hurry() and (left := end - time.monotonic()) > 0 and _runs(process):
        time.sleep(min(left, _GLANCE))
