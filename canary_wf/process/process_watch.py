"""Waiting for processes to end, for their output, for a point in time and for signals, all at once.

Each process is watched through a pidfd, where the kernel has them and allows it. SIGCHLD wakes the wait through a pipe,
for systems without, and for children that nobody watches: what jobs left is collected when it ends.
"""

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from resource import struct_rusage
from types import FrameType
from typing import NoReturn, Self

from canary_wf.process.output import PipedOutput


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


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)


class Stopped(KeyboardInterrupt):
    """The signal `number` asked this process to stop."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Raise Stopped when a signal asks to stop, wherever the program is."""
    before = {number: signal.signal(number, _stop) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    raise Stopped(number)


LONGEST_WAIT = 3600.0
"""Seconds of one wait; epoll counts milliseconds in 32 bits."""


class ProcessMonitor:
    """Watches child processes; a context manager, as it takes over signals while it lives."""

    def __init__(self, *, use_pidfd: bool | None = None) -> None:
        self._use_pidfd = has_pidfd() if use_pidfd is None else use_pidfd
        self._poll = select.epoll()
        self._pid_of: dict[int, int] = {}
        self._watched: set[int] = set()
        self._outputs: dict[int, tuple[int, PipedOutput]] = {}
        self._printing: dict[int, int] = {}
        self._exited: set[int] = set()
        self._over: list[int] = []
        self.signals: list[int] = []
        self.child_ended = False
        """Whether some child has ended; who looks after it says so."""

        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll.register(self._wake_read, select.EPOLLIN)
        self._handlers: dict[int, object] = {}

    def __enter__(self) -> Self:
        self._previous_wakeup = signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in (*SIGNALS, signal.SIGCHLD):
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
        if number == signal.SIGCHLD:
            self.child_ended = True
        else:
            self.signals.append(number)

    def watch(self, pid: int, output: PipedOutput | None = None) -> None:
        """Report the end of the child `pid` from now on: with `output`, once nobody holds that any more."""
        self._watched.add(pid)
        if self._use_pidfd:
            descriptor = os.pidfd_open(pid)
            self._pid_of[descriptor] = pid
            self._poll.register(descriptor, select.EPOLLIN)
        if output is not None:
            self._outputs[output.read_end] = (pid, output)
            self._printing[pid] = output.read_end
            self._poll.register(output.read_end, select.EPOLLIN)

    def let_go(self, pid: int) -> None:
        """Wait no longer for the end of the output of `pid`, only for its own."""
        descriptor = self._printing.pop(pid, None)
        if descriptor is None:
            return
        self._poll.unregister(descriptor)
        del self._outputs[descriptor]
        if pid in self._exited:
            self._exited.remove(pid)
            self._over.append(pid)

    def forget(self, pid: int) -> None:
        """Report nothing more of `pid`."""
        self._watched.discard(pid)
        self.let_go(pid)
        if pid in self._over:
            self._over.remove(pid)
        for descriptor in [descriptor for descriptor, other in self._pid_of.items() if other == pid]:
            self._close(descriptor)

    def wait(self, timeout: float) -> list[int]:
        """Sleep until a watched process is over, a signal came, or `timeout` seconds passed; return who is over.

        The processes returned are not reaped yet, so their group still belongs to them.
        """
        exited = []
        seconds = 0.0 if self._over else min(max(timeout, 0.0), LONGEST_WAIT)
        for descriptor, _event in self._poll.poll(seconds):
            if descriptor == self._wake_read:
                os.read(self._wake_read, 4096)
            elif descriptor in self._outputs:
                pid, output = self._outputs[descriptor]
                if output.pump():
                    self.let_go(pid)
            else:
                exited.append(self._close(descriptor))
        if not self._use_pidfd:
            exited = [pid for pid in self._watched if has_ended(pid)]
        self._watched.difference_update(exited)
        for pid in exited:
            (self._exited.add if pid in self._printing else self._over.append)(pid)
        over, self._over = self._over, []
        return over

    def _close(self, descriptor: int) -> int:
        # Closing is not enough: a process that is just being started may still have a copy.
        self._poll.unregister(descriptor)
        os.close(descriptor)
        return self._pid_of.pop(descriptor)
