"""A process that outlives its program by a moment: when the program dies, it kills what the program had started.

The runner's watchdog is forked, looks after any number of groups, and finds processes that left them. A program that
may have other threads must not be forked, so the watchdog for a single process is a shell.

The runner and its watchdog share a table with one byte for each process id: the runner marks the process groups that
run, which costs no system call, nor any work of the watchdog while all is well. A pipe that only the runner holds open
closes when the runner ends, however it ends; the watchdog then kills every marked group, and all processes with the
runner's token in their environment, so that no test process outlives its runner. A process that is just being started
keeps the pipe open until it has the token. A runner that ends in order says that nothing runs any more.
"""

import contextlib
import mmap
import os
import signal
import sys
from collections.abc import Iterator
from typing import Self

from canary_wf.process.orphans import end_left_behind
from canary_wf.process.process_identity import signal_group

_HIGHEST_ID = 1 << 22
"""Linux gives out no process id from here on (PID_MAX_LIMIT); memory is taken only by the parts that were in use."""


class Watchdog:
    """The runner's end of it; a context manager, the watchdog ends with it.

    `token` is that of the attempt, by which processes are found that left their groups. `pid` is the watchdog's own.
    It is forked, so make it before other people's code may start threads.
    """

    def __init__(self, token: str) -> None:
        # What is buffered here would be written a second time by the child.
        sys.stdout.flush()
        sys.stderr.flush()
        self._runs = mmap.mmap(-1, _HIGHEST_ID)  # shared with the child, and gone with the last of the two
        self._running = 0
        read_end, self._write_end = os.pipe2(os.O_CLOEXEC)
        self.pid = os.fork()
        if self.pid == 0:
            _watch(read_end, self._runs, token)
        os.close(read_end)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._running:
            with contextlib.suppress(BrokenPipeError):  # somebody killed the watchdog
                os.write(self._write_end, b"\n")  # it need not look through the table
        os.close(self._write_end)
        os.waitpid(self.pid, 0)
        self._runs.close()

    def started(self, group: int) -> None:
        """Note that the process group `group` runs."""
        self._runs[group] = 1
        self._running += 1

    def ended(self, group: int) -> None:
        """Note that the process group `group` is gone."""
        self._runs[group] = 0
        self._running -= 1


def _watch(read_end: int, runs: mmap.mmap, token: str) -> None:
    """Be the watchdog; never returns. Signals to the runner's group or terminal must not end it first."""
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGPIPE):
            signal.signal(number, signal.SIG_IGN)
        # Neither the runner's locks nor the readers of its output may have to wait for the watchdog.
        os.dup2(read_end, 3)
        _close_from(4)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        if not os.read(3, 1):
            for group in _marked(runs):
                signal_group(group, signal.SIGKILL)
            end_left_behind((), (token,))
    finally:
        os._exit(0)


def _close_from(first: int) -> None:
    """Close all descriptors from `first` on: one by one, as the limit may be a thousand million."""
    try:
        descriptors = [int(name) for name in os.listdir("/proc/self/fd")]  # noqa: PTH208 - numbers, not paths
    except OSError:
        os.closerange(first, os.sysconf("SC_OPEN_MAX"))
        return
    for descriptor in descriptors:
        if descriptor >= first:
            with contextlib.suppress(OSError):  # the one that listed them is gone already
                os.close(descriptor)


def _marked(runs: mmap.mmap) -> Iterator[int]:
    """Yield the ids that are marked in the table."""
    group = runs.find(b"\1")
    while group >= 0:
        yield group
        group = runs.find(b"\1", group + 1)


_SCRIPT = 'read -r group || exit 0; read -r _ || kill -s KILL -- "-$group"'
"""Reads the group from a pipe that only the program writes to, then either a line (it has ended) or the pipe's end."""


class GroupWatchdog:
    """A watchdog for one process group, in any program and any thread; a context manager, entered before the start."""

    def __init__(self) -> None:
        import subprocess  # late: the runner starts without it

        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C at the terminal is not for the watchdog
            bufsize=0,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._say(b"\n")
        self._process.communicate()

    def started(self, group: int) -> None:
        """Kill the process group `group` when this program dies from now on."""
        self._say(b"%d\n" % group)

    def _say(self, line: bytes) -> None:
        assert self._process.stdin is not None
        # If the watchdog was killed, the next `refresh` of the job cleans up instead.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line)
