"""Sleeping until one of some child processes has ended, without polling: by pidfd, else by SIGCHLD and a pipe.

For a few processes, in any program and any thread. The batch runner, which has many, one after the other, and owns its
process, has another (`execution.monitor`): it registers each process once and takes over the signals that stop it.
"""

import os
import select
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType
from typing import Self

from canary_wf.process.process_watch import has_ended, has_pidfd

_LONGEST_WAIT = 3600.0
"""Seconds of one wait; `poll` counts milliseconds in 32 bits."""


def one_ended(pids: Sequence[int], seconds: float) -> bool:
    """Return whether one of the processes ended within `seconds`; it is not reaped.

    Raises OSError where there are no pidfds, or not enough of them, and for a process that is not there any more.
    """
    descriptors: list[int] = []
    try:
        for pid in pids:
            descriptors.append(os.pidfd_open(pid))  # noqa: PERF401 - one by one, so that an error finds them
        return _readable(descriptors, seconds)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


class ExitWatch:
    """Waits for exits; a context manager, as it takes over SIGCHLD while it lives where there is no pidfd.

    It does so in the main thread only, and only where nobody else is woken by signals already.
    """

    def __init__(self) -> None:
        self._pidfd = has_pidfd()
        self._pipe: tuple[int, int] | None = None
        self._before: Callable[[int, FrameType | None], object] | int | None = None

    def __enter__(self) -> Self:
        if not self._pidfd and threading.current_thread() is threading.main_thread():
            self._take_over()
        return self

    def _take_over(self) -> None:
        before = signal.getsignal(signal.SIGCHLD)
        try:
            pipe = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return  # too many open files
        owner = signal.set_wakeup_fd(pipe[1], warn_on_full_buffer=False)
        if owner != -1 or before is None:
            signal.set_wakeup_fd(owner)
            for descriptor in pipe:
                os.close(descriptor)
            return
        self._pipe, self._before = pipe, before
        # Only a signal with a handler is written to the pipe.
        signal.signal(signal.SIGCHLD, self._on_exit)

    def _on_exit(self, number: int, frame: FrameType | None) -> None:
        if callable(self._before):
            self._before(number, frame)

    def __exit__(self, *_: object) -> None:
        if self._pipe is None:
            return
        pipe, self._pipe = self._pipe, None
        signal.signal(signal.SIGCHLD, self._before)
        signal.set_wakeup_fd(-1)
        for descriptor in pipe:
            os.close(descriptor)

    def wait(self, pids: Sequence[int], seconds: float) -> bool:
        """Sleep until one of the children has ended or `seconds` are over.

        Returns False, at once, where that can't be watched: then the caller has to poll.
        """
        try:
            if self._pidfd:
                one_ended(pids, seconds)
            elif self._pipe is None:
                return False
            elif not any(has_ended(pid) for pid in pids):
                _readable([self._pipe[0]], seconds)
                with suppress(BlockingIOError):
                    os.read(self._pipe[0], 4096)
        except OSError:
            return False
        return True


def _readable(descriptors: Sequence[int], seconds: float) -> bool:
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if poll.poll(min(left, _LONGEST_WAIT) * 1000):
            return True
    return bool(poll.poll(0))
