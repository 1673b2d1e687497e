"""Processes that outlive the job they belong to: found by their group or by what they inherited, and ended.

A process belongs to a job if its environment had the token of the attempt from its start, or if it is in the group that
the job leads and another process there had the token. The token also finds processes whose group was not written down,
and processes that left it. No other process is ended, whatever was written down.

The runner makes itself the one that the kernel gives such processes to (`PR_SET_CHILD_SUBREAPER`, prctl(2)), so that
they appear among its children. The variable CANARY_WF_JOB, or else the process group, says which job they belong to.
Orphans of a job are killed when the job is over. Orphans without a known job, and those of CTest's tests, which may
serve later tests, are killed at the end of the batch. An orphan that cannot be killed (another user's, or stuck in the
kernel) is noted.
"""

import ctypes
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import NamedTuple, Self

from canary_wf.process.process_identity import group_of, is_running, may_be_group, send_signals, start_ticks

ATTEMPT = "CANARY_WF_ATTEMPT"
"""The variable that marks the processes of an attempt at a batch: its token, after the tokens of outer attempts."""

PATIENCE = 20.0
"""Seconds until killed processes must be gone."""

_PAUSES = (0.005, 0.1)


def end_left_behind(
    groups: Iterable[tuple[int, int]], tokens: Collection[str], patience: float = PATIENCE
) -> list[int]:
    """Kill all processes that have one of `tokens`, and the `groups` (leader's pid and start) in which one has.

    Waits until they are gone, because a job must not be started again before. Returns the processes that did not end.
    """
    wanted = {token for token in tokens if token}
    return end_marked(groups, lambda pid: not wanted.isdisjoint((inherited(pid, ATTEMPT) or "").split(":")), patience)


def end_marked(
    groups: Iterable[tuple[int, int]], is_marked: Callable[[int], bool], patience: float = PATIENCE
) -> list[int]:
    """Do the same for the processes that `is_marked` accepts, by pid, and the groups that contain one of them."""
    candidates = {pid for pid, ticks in groups if may_be_group(pid, ticks)}
    ours: set[int] = set()
    end = time.monotonic() + patience
    pause = _PAUSES[0]
    while left := _living(candidates, ours, is_marked):
        foreign = [each.pid for each in left if not _kill(each)]
        if time.monotonic() > end or len(foreign) == len(left):
            return [each.pid for each in left]
        time.sleep(pause)
        pause = min(2 * pause, _PAUSES[1])
    return []


class _Process(NamedTuple):
    pid: int
    ticks: int
    group: int


def _living(candidates: Collection[int], ours: set[int], is_marked: Callable[[int], bool]) -> list[_Process]:
    """Return the processes that are marked, and those of candidate groups in which one is or was: these are `ours`.

    The number of a group proves nothing, as anybody may have written it down.
    """
    own = os.getpid()
    pids = [int(name) for name in os.listdir("/proc") if name.isdecimal()]  # noqa: PTH208 - names, not paths
    found = [_Process(pid, start_ticks(pid), group_of(pid)) for pid in pids if pid != own]
    marked = [each for each in found if each.group and is_marked(each.pid)]
    ours.update(each.group for each in marked if each.group in candidates)
    others = [each for each in found if each.group in ours]
    return list(dict.fromkeys([*marked, *others]))


def _kill(process: _Process) -> bool:
    """Kill the process; return whether this user may."""
    try:
        send_signals(process.pid, lambda: is_running(process.pid, process.ticks), signal.SIGKILL)
    except PermissionError:
        return False
    return True


def inherited(pid: int, name: str) -> str | None:
    """Return what the variable `name` was when the process `pid` was started; None where it is not known."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return None  # another user's, or gone
    _, found, rest = b"\0".join((b"", environment)).partition(f"\0{name}=".encode())
    return os.fsdecode(rest.partition(b"\0")[0]) if found else None


_SET_CHILD_SUBREAPER = 36
_PAGE = 4096
_PATIENCE = 5.0
"""Seconds after which processes that fork faster than they can be killed are given up."""


class Orphans:
    """The adopted children of this process; a context manager. There are none where the system does not support it."""

    def __init__(self) -> None:
        self._children = _open_children()
        self._session = os.getsid(0)
        self._others = frozenset(self._listed())
        self._job_of: dict[int, str] = {}
        self._groups: dict[int, str] = {}
        self._killed: set[int] = set()
        self.unended: dict[int, str] = {}
        """The processes that could not be ended, each with the state file of its job."""

    def __enter__(self) -> Self:
        if self._children is not None:
            _be_subreaper(on=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._children is not None:
            _be_subreaper(on=False)
            os.close(self._children)
            self._children = None

    def group_ended(self, group: int, job: str) -> None:
        """Note that the process group `group` of `job` is killed; its processes are not counted as orphans."""
        self._groups[group] = job
        self._killed.add(group)

    def group_left(self, group: int, job: str) -> None:
        """Note that the process group `group` of `job` lives on."""
        self._groups[group] = job
        self._killed.discard(group)

    def has_any(self, known: Collection[int]) -> bool:
        """Return whether there are other children than the `known` ones, which are not orphans."""
        return not self._others.union(known, self.unended).issuperset(self._listed())

    def end_ended(self, known: Collection[int], is_over: Callable[[str], bool]) -> Counter[str]:
        """Kill the orphans of the jobs that are over; return how many there were of each.

        `known` are the children that are not orphans; a job is named by its state file.
        """
        return Counter(self._end(known, lambda _, job: bool(job) and is_over(job)).values())

    def count_of(self, job: str, known: Collection[int]) -> int:
        """Return how many orphans of `job` live."""
        return len(self._pick(known, lambda _, owner: owner == job))

    def end_group(self, group: int, known: Collection[int]) -> None:
        """Kill the orphans in the process group `group`."""
        self._end(known, lambda pid, _: _group_of(pid) == group)

    def end_all(self, known: Collection[int]) -> int:
        """Kill all orphans; return how many there were."""
        return len(self._end(known, lambda *_: True))

    def collect(self, known: Collection[int]) -> None:
        """Collect the orphans that have ended: the process that ended them may be waiting for their ids to be free."""
        self._living(known)

    def give_up(self, pid: int, job: str) -> None:
        """Note that the child `pid` of `job` could not be ended."""
        self.unended[pid] = job

    def collect_unended(self) -> None:
        """Forget those that have ended after all."""
        for pid in list(self.unended):
            self._has_ended(pid)

    def _end(self, known: Collection[int], wanted: Callable[[int, str], bool]) -> dict[int, str]:
        """Kill the orphans that are `wanted` (pid, job); return those that left their group, with their jobs."""
        found: dict[int, str] = {}
        end = time.monotonic() + _PATIENCE
        while gone := self._pick(known, wanted):
            found |= {pid: job for pid, job in gone.items() if _group_of(pid) not in self._killed}
            refused = gone if time.monotonic() > end else _kill_all(gone, known)
            for pid in refused:
                self.give_up(pid, gone[pid])
            time.sleep(0.001)
        return found

    def _pick(self, known: Collection[int], wanted: Callable[[int, str], bool]) -> dict[int, str]:
        """Return the living orphans that are `wanted`, with their jobs."""
        found = {}
        for pid in self._living(known):
            if pid not in self._job_of:
                self._job_of[pid] = inherited(pid, "CANARY_WF_JOB") or self._groups.get(_group_of(pid), "")
            if wanted(pid, self._job_of[pid]):
                found[pid] = self._job_of[pid]
        return found

    def _living(self, known: Collection[int]) -> list[int]:
        """Return the orphans that live and can be ended, and collect those that have ended."""
        children = (pid for pid in self._listed() if pid not in known and pid not in self._others)
        orphans = [pid for pid in children if not self._is_own(pid)]
        return [pid for pid in orphans if not self._has_ended(pid) and pid not in self.unended]

    def _is_own(self, pid: int) -> bool:
        """Return whether a user's hook started the child: it is in the runner's session, and jobs never are."""
        try:
            return os.getsid(pid) == self._session
        except OSError:
            return False

    def _has_ended(self, pid: int) -> bool:
        """Return whether the orphan `pid` is gone; it is collected."""
        try:
            ended = os.waitpid(pid, os.WNOHANG)[0] == pid
        except ChildProcessError:
            ended = True
        if ended:
            self._job_of.pop(pid, None)
            self.unended.pop(pid, None)
        return ended

    def _listed(self) -> list[int]:
        if self._children is None:
            return []
        text = os.pread(self._children, _PAGE, 0)
        if len(text) > _PAGE // 2:  # the kernel gives less than was asked for only at the end, give or take a few ids
            while part := os.pread(self._children, _PAGE, len(text)):
                text += part
        return [int(pid) for pid in text.split()]


def _open_children() -> int | None:
    try:
        return os.open(f"/proc/self/task/{os.getpid()}/children", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


def _be_subreaper(*, on: bool) -> None:
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, ctypes.c_ulong(on), 0, 0, 0)


def _group_of(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


def _kill_all(pids: Collection[int], known: Collection[int]) -> list[int]:
    """Kill `pids`, each with its group, so that a fork bomb cannot escape; return those that may not be killed.

    They are children, so their ids are not reused until they are collected.
    """
    own = os.getpgrp()
    refused = []
    for pid in pids:
        try:
            group = os.getpgid(pid)
            if group != own and group not in known:
                os.killpg(group, signal.SIGKILL)
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        except PermissionError:
            refused.append(pid)
    return refused
