"""Processes that left the job they belong to: daemons, with a session of their own and no parent.

The runner makes itself the one that the kernel gives such processes to (`PR_SET_CHILD_SUBREAPER`, prctl(2)), so that
they turn up among its children. The variable CANARY_WF_JOB says whose they are. Those of a job that has ended are
killed then; those that nobody can be named for, and those of CTest's tests, which may serve later ones, at the end of
the batch.
"""

import ctypes
import os
import signal
import time
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from typing import Self

from canary_wf.job.left_behind import inherited

_SET_CHILD_SUBREAPER = 36
_PAGE = 4096
_PATIENCE = 5.0
"""Seconds after which it is given up to kill processes that make new ones faster than they can be killed."""


class Strays:
    """The adopted children of this process; a context manager. Where the system has no such thing there are none."""

    def __init__(self) -> None:
        self._children = _open_children()
        self._others = frozenset(self._listed())
        self._job_of: dict[int, str] = {}
        self._groups: set[int] = set()

    def __enter__(self) -> Self:
        if self._children is not None:
            _be_subreaper(on=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._children is not None:
            _be_subreaper(on=False)
            os.close(self._children)
            self._children = None

    def group_ended(self, group: int) -> None:
        """Know that the process group `group` was a job's and is killed; who dies in it has left nothing."""
        self._groups.add(group)

    def has_any(self, known: Collection[int]) -> bool:
        """Return whether there are more children than the `known` ones, which are no strays."""
        return len(self._listed()) > len(known) + len(self._others)

    def end_ended(self, known: Collection[int], running: Collection[str]) -> Counter[str]:
        """Kill the strays of jobs that are not among the `running` ones; return how many there were of each.

        `known` are the children that are no strays; a job is named by its state file.
        """
        gone = self._pick(self._listed(), known, running)
        found = Counter(job for pid, job in gone.items() if not self._dies_with_its_group(pid))
        end = time.monotonic() + _PATIENCE
        while gone and time.monotonic() < end:
            _kill(gone, known)
            time.sleep(0.001)
            gone = self._pick(self._listed(), known, running)
        return found

    def end_all(self, known: Collection[int]) -> int:
        """Kill all strays; return how many there were."""
        killed: set[int] = set()
        end = time.monotonic() + _PATIENCE
        while (left := self._living(self._listed(), known)) and time.monotonic() < end:
            killed.update(pid for pid in left if not self._dies_with_its_group(pid))
            _kill(left, known)
            time.sleep(0.001)
        return len(killed)

    def _dies_with_its_group(self, pid: int) -> bool:
        try:
            return os.getpgid(pid) in self._groups
        except ProcessLookupError:
            return True

    def _pick(self, pids: list[int], known: Collection[int], running: Collection[str]) -> dict[int, str]:
        """Return the living strays, with their jobs, whose job is over."""
        found = {}
        for pid in self._living(pids, known):
            if pid not in self._job_of:
                self._job_of[pid] = inherited(pid, "CANARY_WF_JOB") or ""
            job = self._job_of[pid]
            if job and job not in running:
                found[pid] = job
        return found

    def _living(self, pids: list[int], known: Collection[int]) -> list[int]:
        """Return the strays among `pids` that live, and collect those that have ended."""
        living = []
        for pid in pids:
            if pid in known or pid in self._others:
                continue
            try:
                ended = os.waitpid(pid, os.WNOHANG)[0] == pid
            except ChildProcessError:
                continue
            if ended:
                self._job_of.pop(pid, None)
            else:
                living.append(pid)
        return living

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


def _kill(pids: Collection[int], known: Collection[int]) -> None:
    """Kill `pids`, each with its process group, so that what forks all the time has no chance."""
    own = os.getpgrp()
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            group = os.getpgid(pid)
            if group != own and group not in known:
                os.killpg(group, signal.SIGKILL)
            else:
                os.kill(pid, signal.SIGKILL)
