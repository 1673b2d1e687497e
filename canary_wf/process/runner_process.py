"""The process of a runner: which one is meant, whether it lives, and ending it."""

import os
import signal
from collections.abc import Callable

import msgspec

from canary_wf.errors import WorkspaceError
from canary_wf.process.process_identity import is_running, start_ticks, this_place
from canary_wf.process.process_signal import has_ended_within, send_signals

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

    def end(self, is_ours: Callable[[], bool]) -> bool:
        """End the process, which is on this machine, in order if it can, and wait until it is gone.

        `is_ours` proves that it is what it is said to be. One that is not proved to be, or that another user started,
        is left alone. Return whether it is gone. Raises WorkspaceError for one that does not even end by SIGKILL.
        """

        def is_meant() -> bool:
            return is_running(self.pid, self.started_ticks) and is_ours()

        if not self.may_live:
            return True
        # One that was stopped could not heed SIGTERM without the other. Later it is killed.
        for signals in ((signal.SIGTERM, signal.SIGCONT), (signal.SIGKILL,)):
            try:
                if not send_signals(self.pid, is_meant, *signals):
                    return not self.may_live
            except PermissionError:
                return False
            if has_ended_within(self.pid, lambda: self.may_live, PATIENCE):
                return True
        raise WorkspaceError(f"process {self.pid} of an earlier run does not end", hint="see what keeps it, and end it")
