# ruff: noqa: PTH208 - names in /proc, not paths
"""The parent process of a reader. It limits the resources of test files, and ends all processes that they started.

Part of the reader's script, so it uses only the standard library. The kernel makes the supervisor the parent of all
orphans (`PR_SET_CHILD_SUBREAPER`, prctl(2)), even of those in a session of their own. The supervisor writes to standard
output why the reader ended, as text for people.
"""

import contextlib
import ctypes
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable

_SET_CHILD_SUBREAPER = 36
_PAUSE = 0.05
"""Seconds between two checks of the resources of the reader and its descendants."""

_MOST_PROCESSES = 500
_MOST_THREADS = 5000
_LARGEST_FILE = 1 << 30
"""Size limit in bytes of a file that a test file writes while it is read."""

_PATIENCE = 2.0
"""Seconds to wait for killed processes to disappear."""

_PAGE = os.sysconf("SC_PAGE_SIZE")


class _LimitExceededError(Exception):
    """A resource limit was exceeded; the message says which."""


def run_supervised(requests: int, replies: int, memory: int) -> None:
    """Return in a new process, the reader. This process stays its supervisor and never returns.

    The reader and its descendants may take `memory` bytes. All of them are ended when the reader ends, and when the
    other end of REQUESTS is closed.
    """
    ready, set_ready = os.pipe()
    reader = os.fork()
    if reader == 0:
        os.close(set_ready)
        _begin_to_read(ready)
        return
    os.close(ready)
    os.close(replies)
    adopts = ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, ctypes.c_ulong(1), 0, 0, 0) == 0
    os.close(set_ready)
    reason = _watch(reader, requests, memory)
    sys.stdout.write(reason)
    sys.stdout.flush()
    lists_children = os.path.exists(f"/proc/self/task/{os.getpid()}/children")  # noqa: PTH110 - light to start
    os._exit(0 if adopts and lists_children else 1)  # otherwise the caller searches for remaining processes


def _begin_to_read(ready: int) -> None:
    os.setpgid(0, 0)
    os.dup2(2, 1)  # only the supervisor says why the reader ended
    for limit, most in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, _LARGEST_FILE)):
        _, hard = resource.getrlimit(limit)
        resource.setrlimit(limit, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    os.read(ready, 1)
    os.close(ready)


def _watch(reader: int, requests: int, memory: int) -> str:
    """Wait for the end of the reader, then end the remaining processes. Return why it ended, "" if it was done."""
    closed = select.poll()
    closed.register(requests, 0)  # only reports that the other end is closed
    reason = None
    try:
        while (reason := _ended(reader)) is None:
            if closed.poll(_PAUSE * 1000):
                reason = ""
                break
            _check(reader, memory)
    except _LimitExceededError as exceeded:
        reason = str(exceeded)
    remaining = _end_all(reader)
    return f"{reason}; {remaining} of its processes could not be ended" if remaining else reason


def _ended(reader: int) -> str | None:
    """Reap ended processes. Return in words how the reader ended, or None while it runs."""
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return None
        if pid == reader:
            code = os.waitstatus_to_exitcode(status)
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            return f"the process that read it ended with {how}"


def _check(reader: int, memory: int) -> None:
    pids = _descendants(reader)
    if len(pids) > _MOST_PROCESSES:
        raise _LimitExceededError(f"started more than {_MOST_PROCESSES} processes, so reading was stopped")
    if sum(map(_threads, pids)) > _MOST_THREADS:
        raise _LimitExceededError(f"started more than {_MOST_THREADS} threads, so reading was stopped")
    if sum(map(_resident, pids)) > memory and sum(map(_own_memory, pids)) > memory:
        what = f"took more than {memory >> 20} MiB of memory, so reading was stopped"
        raise _LimitExceededError(f"{what}; CANARY_WF_READING_MEMORY sets the limit")


def _descendants(reader: int) -> set[int]:
    found = {reader}  # known even if the kernel does not list children
    waiting = [os.getpid(), reader]
    while waiting and len(found) <= _MOST_PROCESSES:
        children = set(_children(waiting.pop())) - found
        found |= children
        waiting += children
    return found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            found += map(int, _content(f"/proc/{pid}/task/{thread}/children").split())
    except OSError:  # it has ended
        pass
    return found


def _content(path: str) -> bytes:
    """Return the content of a file in /proc, empty if its process is gone."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a path object costs more than reading it
            return file.read()
    except OSError:
        return b""


def _threads(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return 0


def _resident(pid: int) -> int:
    fields = _content(f"/proc/{pid}/statm").split()
    return int(fields[1]) * _PAGE if fields else 0


def _own_memory(pid: int) -> int:
    """Return the memory of `pid` in bytes with its share of shared memory, or all of it if the kernel cannot say."""
    for line in _content(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) * 1024
    return _resident(pid)


def _end_all(reader: int) -> int:
    """Kill all descendants and return how many did not end. Orphans become children of this process."""
    end = time.monotonic() + _PATIENCE
    while True:
        _kill(os.killpg, reader)  # all at once, so that a process that forks cannot outrun this
        for pid in _children(os.getpid()):
            _kill(os.kill, pid)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                end = max(end, time.monotonic() + _PAUSE)
        except ChildProcessError:
            return 0
        if time.monotonic() > end:
            return len(_children(os.getpid()))
        time.sleep(0.001)


def _kill(kill: Callable[[int, int], None], target: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        kill(target, signal.SIGKILL)
