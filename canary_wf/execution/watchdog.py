"""A process that outlives the runner by a moment: when the runner dies, it kills what the runner had started.

The runner tells it through a pipe which process groups run. The pipe closes when the runner ends, however it ends; the
watchdog then kills every group that was not reported as ended, so that no test process outlives its runner.
"""

import os
import signal
import struct
import sys

from canary_wf.job.marked import kill_marked
from canary_wf.job.processes import signal_group

_MESSAGE = struct.Struct("=q")
"""One message: the id of a process group that was started, or its negative when it has ended."""


_HIGHEST_DESCRIPTOR = os.sysconf("SC_OPEN_MAX")


class Watchdog:
    """The runner's end of the pipe; a context manager, the watchdog ends with it.

    `token` is that of the attempt, by which processes are found that left their groups. `pid` is the watchdog's own.
    """

    def __init__(self, token: str) -> None:
        # What is buffered here would be written a second time by the child.
        sys.stdout.flush()
        sys.stderr.flush()
        read_end, self._write_end = os.pipe2(os.O_CLOEXEC)
        self.pid = os.fork()
        if self.pid == 0:
            _watch(read_end, token)
        os.close(read_end)

    def __enter__(self) -> "Watchdog":  # noqa: PYI034 - never inherited from
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._write_end)
        os.waitpid(self.pid, 0)

    def started(self, group: int) -> None:
        """Report that the process group `group` runs."""
        self._tell(group)

    def ended(self, group: int) -> None:
        """Report that the process group `group` is no more."""
        self._tell(-group)

    def _tell(self, number: int) -> None:
        try:
            os.write(self._write_end, _MESSAGE.pack(number))
        except BrokenPipeError:
            # Somebody killed the watchdog; the batch goes on without, and the next runner cleans up instead.
            return


def _watch(read_end: int, token: str) -> None:
    """Be the watchdog; never returns. Signals to the runner's group or terminal must not end it first."""
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGPIPE):
            signal.signal(number, signal.SIG_IGN)
        # Neither the runner's locks nor the readers of its output may have to wait for the watchdog.
        os.dup2(read_end, 3)
        os.closerange(4, _HIGHEST_DESCRIPTOR)
        for descriptor in (0, 1, 2):
            os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)
        groups: set[int] = set()
        while message := _read_message(3):
            number = _MESSAGE.unpack(message)[0]
            if number > 0:
                groups.add(number)
            else:
                groups.discard(-number)
        for group in groups:
            signal_group(group, signal.SIGKILL)
        if groups:
            kill_marked(token)
    finally:
        os._exit(0)


def _read_message(descriptor: int) -> bytes:
    message = b""
    while len(message) < _MESSAGE.size:
        part = os.read(descriptor, _MESSAGE.size - len(message))
        if not part:
            return b""
        message += part
    return message
