"""Waiting for processes to end, for their output, for a point in time and for signals, all at once.

Each process is watched through a pidfd, where the kernel has them and allows it. Elsewhere SIGCHLD wakes the wait
through a pipe. If that signal is not available, the processes are checked at short intervals.
"""

import os
import select
import signal
from collections.abc import Callable
from resource import struct_rusage
from types import FrameType
from typing import Self

from canary_wf.process.output import PipedOutput
from canary_wf.process.signals import SIGNALS, is_main_thread


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


LONGEST_WAIT = 3600.0
"""Seconds of one wait; epoll counts milliseconds in 32 bits."""

_PAUSE = 0.05
"""Seconds between two checks if the kernel cannot wake the wait."""

_Handler = Callable[[int, FrameType | None], object] | int | None


class ProcessWatch:
    """Watches child processes, in any program and any thread; a context manager.

    It leaves signals to the program. Only without pidfds does it use SIGCHLD while it is open: in the main thread, and
    if no other code is woken by signals. A handler of the program is still called.
    """

    def __init__(self, *, use_pidfd: bool | None = None) -> None:
        self._use_pidfd = has_pidfd() if use_pidfd is None else use_pidfd
        self._poll = select.epoll()
        self._pid_of: dict[int, int] = {}
        self._watched: set[int] = set()
        self._outputs: dict[int, tuple[int, PipedOutput]] = {}
        self._printing: dict[int, int] = {}
        self._exited: set[int] = set()
        self._over: list[int] = []
        self._longest = LONGEST_WAIT
        self._wake_read = self._wake_write = -1
        self._handlers: dict[int, _Handler] = {}

    def __enter__(self) -> Self:
        if not self._use_pidfd and not self._hear_of_children():
            self._longest = _PAUSE
        return self

    def _hear_of_children(self) -> bool:
        """Let SIGCHLD wake the wait; return whether it does."""
        if signal.getsignal(signal.SIGCHLD) is None or not is_main_thread():
            return False
        owner = signal.set_wakeup_fd(-1)
        if owner != -1:  # other code is woken by signals
            signal.set_wakeup_fd(owner)
            return False
        self._wake_on(signal.SIGCHLD)
        return True

    def _wake_on(self, *numbers: signal.Signals) -> None:
        """Let the signals `numbers` wake the wait through a pipe; only signals with handlers are written to it."""
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll.register(self._wake_read, select.EPOLLIN)
        self._previous_wakeup = signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in numbers:
            self._handlers[number] = signal.signal(number, self._on_signal)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        if self._wake_read >= 0:
            signal.set_wakeup_fd(self._previous_wakeup)
            os.close(self._wake_read)
            os.close(self._wake_write)
        for descriptor in self._pid_of:
            os.close(descriptor)
        self._poll.close()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        before = self._handlers.get(number)
        if callable(before):
            before(number, frame)

    def watch(self, pid: int, output: PipedOutput | None = None) -> None:
        """Report the end of the child `pid` from now on; with `output`, after every writer has closed it.

        Raises OSError if the process does not exist, or if too many files are open.
        """
        if self._use_pidfd:
            descriptor = os.pidfd_open(pid)
            self._poll.register(descriptor, select.EPOLLIN)
            self._pid_of[descriptor] = pid
        else:
            has_ended(pid)  # raises for a process that is not a child
        self._watched.add(pid)
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
        """Sleep until a watched process is over, a signal came, or `timeout` seconds passed; return who ended.

        The wait may be shorter, so call it in a loop. A process is reported once. It is not reaped yet, so its group
        still belongs to it.
        """
        exited = [] if self._use_pidfd else self._ended()
        seconds = 0.0 if self._over or exited else min(max(timeout, 0.0), self._longest)
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
            exited = self._ended()
        self._watched.difference_update(exited)
        for pid in exited:
            (self._exited.add if pid in self._printing else self._over.append)(pid)
        over, self._over = self._over, []
        return over

    def _close(self, descriptor: int) -> int:
        pid = self._pid_of.pop(descriptor)  # first: after Ctrl-C at any line, no closed descriptor is listed
        # Closing is not enough: a process that is just being started may still have a copy.
        self._poll.unregister(descriptor)
        os.close(descriptor)
        return pid

    def _ended(self) -> list[int]:
        """Return the watched processes that have ended, whether or not they are reaped."""
        return [pid for pid in self._watched if _is_gone(pid)]


def _is_gone(pid: int) -> bool:
    try:
        return has_ended(pid)
    except ChildProcessError:
        return True


class ProcessMonitor(ProcessWatch):
    """The watch of the batch runner, which takes over the signals of its process while it is open.

    SIGCHLD also wakes it for children that are not watched, so that orphans of jobs are collected when they end.
    """

    def __init__(self, *, use_pidfd: bool | None = None) -> None:
        super().__init__(use_pidfd=use_pidfd)
        self.signals: list[int] = []
        self.child_ended = False
        """Whether some child has ended since the caller last reset this."""

    def __enter__(self) -> Self:
        self._wake_on(*SIGNALS, signal.SIGCHLD)
        return self

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGCHLD:
            self.child_ended = True
        else:
            self.signals.append(number)
