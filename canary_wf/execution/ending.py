"""Ending processes in order: asked first, killed after a moment's grace, and waited for."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence

from canary_wf.execution.worker import RunningProcess

GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL."""


def end_processes(processes: Sequence[RunningProcess]) -> None:
    """End `processes`, with their groups where they lead one, and wait until they are gone."""
    for process in processes:
        _send(process, signal.SIGTERM)
    end = time.monotonic() + GRACE
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, end - time.monotonic()))
    for process in processes:
        _send(process, signal.SIGKILL)
        process.wait()


def _send(process: RunningProcess, number: signal.Signals) -> None:
    """Signal the group that `process` leads (also when it has ended itself), or else the process."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
        return
    if process.poll() is None:
        process.terminate() if number == signal.SIGTERM else process.kill()
