"""Ending processes in order: asked first, killed after a moment's grace, and waited for."""

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Sequence

from canary_wf.execution.launcher import GRACE
from canary_wf.execution.worker import RunningProcess
from canary_wf.job.left_behind import PATIENCE
from canary_wf.job.processes import signal_group

_GLANCE = 0.05
"""Seconds between two looks whether there is a hurry."""


def end_processes(processes: Sequence[RunningProcess], hurry: Callable[[], object] = lambda: False) -> None:
    """End `processes`, with their groups where they lead one, and wait until they are gone.

    They are killed when GRACE is over, or as soon as `hurry` says so, or an exception ends the wait.
    """
    try:
        for process in processes:
            ask_to_end(process)
        end = time.monotonic() + GRACE
        for process in processes:
            while not hurry() and (left := end - time.monotonic()) > 0 and process.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(min(left, _GLANCE))
    finally:
        for process in processes:
            kill(process)
        for process in processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE)


def ask_to_end(process: RunningProcess) -> None:
    """Send SIGTERM to the group that `process` leads, or else to the process."""
    if not signal_group(process.pid, signal.SIGTERM) and process.poll() is None:
        process.terminate()


def kill(process: RunningProcess) -> None:
    """Kill the group that `process` leads (also when it has ended itself), or else the process."""
    if not signal_group(process.pid, signal.SIGKILL) and process.poll() is None:
        process.kill()
