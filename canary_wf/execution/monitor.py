"""Waiting for processes to end, for a point in time and for signals, all at once and without polling.

Each process is watched through a pidfd; where the kernel has none, SIGCHLD wakes the wait through a pipe.
"""

import os
import select
import signal
import time
from types import FrameType
from typing import Self

from canary_wf.execution.exits import has_ended
from canary_wf.execution.stopping import SIGNALS


class ProcessMonitor:
    """Watches child processes; a context manager, as it takes over signals while it lives."""

    def __init__(self, *, use_pidfd: bool = hasattr(os, "pidfd_open")) -> None:
        self._use_pidfd = use_pidfd
        self._poll = select.epoll()
        self._pid_of: dict[int, int] = {}
        self._watched: set[int] = set()
        self.signals: list[int] = []
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll.register(self._wake_read, select.EPOLLIN)
        self._handlers: dict[int, object] = {}

    def __enter__(self) -> Self:
        self._previous_wakeup = signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        numbers = SIGNALS if self._use_pidfd else (*SIGNALS, signal.SIGCHLD)
        for number in numbers:
            self._handlers[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        signal.set_wakeup_fd(self._previous_wakeup)
        for descriptor in (*self._pid_of, self._wake_read, self._wake_write):
            os.close(descriptor)
        self._poll.close()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGCHLD:
            self.signals.append(number)

    def stop_within(self, seconds: float) -> bool:
        """Return whether a signal to stop has come, or comes within `seconds`."""
        end = time.monotonic() + seconds
        while not self.signals and time.monotonic() < end:
            time.sleep(0.01)  # a handler runs between two of these
        return bool(self.signals)

    def watch(self, pid: int) -> None:
        """Report the end of the child `pid` from now on."""
        self._watched.add(pid)
        if self._use_pidfd:
            descriptor = os.pidfd_open(pid)
            self._pid_of[descriptor] = pid
            self._poll.register(descriptor, select.EPOLLIN)

    def wait(self, timeout: float) -> list[int]:
        """Sleep until a watched process ended, a signal came, or `timeout` seconds passed; return who ended.

        The processes returned are not reaped yet, so their group still belongs to them.
        """
        ended = []
        for descriptor, _event in self._poll.poll(max(timeout, 0.0)):
            if descriptor == self._wake_read:
                os.read(self._wake_read, 4096)
            else:
                ended.append(self._pid_of.pop(descriptor))
                # Closing is not enough: a process that is just being started may still have a copy.
                self._poll.unregister(descriptor)
                os.close(descriptor)
        if not self._use_pidfd:
            ended = [pid for pid in self._watched if has_ended(pid)]
        self._watched.difference_update(ended)
        return ended
