"""The process of a runner: which one is meant, whether it lives, and ending it."""

import os
import signal
import time

import msgspec

from canary_wf.errors import WorkspaceError
from canary_wf.job.processes import is_running, start_ticks, this_place

PATIENCE = 60.0
"""Seconds a runner on this machine is given to end its jobs before it is killed."""


class RunnerProcess(msgspec.Struct, frozen=True):
    """A process on a machine, told from every other by its start (clock ticks since boot)."""

    place: str
    pid: int
    started_ticks: int

    @classmethod
    def own(cls) -> "RunnerProcess":
        """Return this process."""
        return cls(this_place(), os.getpid(), start_ticks(os.getpid()))

    @property
    def is_here(self) -> bool:
        """Whether it ran on this machine, since its last start."""
        return self.place == this_place()

    @property
    def may_live(self) -> bool:
        """Whether it may still run; of one elsewhere that is not known from here."""
        return not self.is_here or is_running(self.pid, self.started_ticks)

    def end(self) -> None:
        """End the process, which is on this machine, in order if it can, and wait until it is gone."""
        self._send(signal.SIGTERM)
        self._send(signal.SIGCONT)  # one that was stopped could not heed the other
        end = time.monotonic() + PATIENCE
        while is_running(self.pid, self.started_ticks):
            if time.monotonic() > end:
                self._send(signal.SIGKILL)
                end += PATIENCE
            time.sleep(0.02)

    def _send(self, number: signal.Signals) -> None:
        if not is_running(self.pid, self.started_ticks):
            return
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return
        except PermissionError as error:
            raise WorkspaceError(f"process {self.pid} of another user still runs this batch") from error
