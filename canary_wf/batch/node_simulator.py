"""One node that plays the reference schedule with numbers: when each task of a batch starts, and how long it takes.

The schedule is defined in `canary_wf.batch.reference_schedule`. Played naively, every moment at which something ends
would look through the waiting tasks again. Here the tasks wait in one line for each row of needs, so that a moment
looks only at the first of each line, and what is free is one number, so that which lines fit is worked out once for
each number.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from itertools import accumulate

from canary_wf.batch.capacity import Limits, distinct_needs
from canary_wf.batch.problem import Problem
from canary_wf.batch.ready_queue import LOOK_AHEAD
from canary_wf.errors import InputError

MANY_LINES = 24
"""Different needs from which on looking through the waiting tasks is faster than looking at the first of each line."""

MOST_REMEMBERED = 4096
"""Amounts of free resources for which the lines that fit are remembered."""

Played = tuple[float, list[float]]
"""The length of a schedule and the start of each of its tasks, in seconds."""


class Machine:
    """The reference schedule of any batch of one problem."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        limits, self._needs, self._line_of = distinct_needs(problem)
        self._room = _Room(limits, self._needs)

    def length(self, order: Sequence[int], *, dependent: bool = False) -> float:
        """Return the length in seconds of the schedule of `order`, which must be in reference order."""
        return self.play(order, dependent=dependent)[0]

    def play(self, order: Sequence[int], *, dependent: bool) -> Played:
        """Return the schedule's length and the start of each task of `order`, all in seconds.

        `order` is in reference order; `dependent` says that its tasks may depend on one another.
        """
        problem = self._problem
        runtimes = list(map(problem.runtimes.__getitem__, order))
        if len(order) == 1 and not dependent:
            return runtimes[0], [0.0]
        lines = list(map(self._line_of.__getitem__, map(problem.kinds.__getitem__, order)))
        waits, followers = _waits(problem, order) if dependent else ([], {})
        if len(self._needs) > MANY_LINES:
            played = self._by_window(lines, runtimes, waits, followers)
        elif followers:
            played = self._dependent(lines, runtimes, waits, followers)
        else:
            played = self._independent(lines, runtimes)
        if followers:
            _check_all_started(problem, order, played[1])
        return played

    def _independent(self, lines: Sequence[int], runtimes: Sequence[float]) -> Played:
        """Play tasks that all may start at once: those looked at are the unstarted ones up to a number that grows."""
        room, known, codes = self._room, self._room.known, self._room.codes
        waiting: list[list[int]] = [[] for _ in self._needs]
        for number in range(len(lines) - 1, -1, -1):
            waiting[lines[number]].append(number)
        none_left = len(lines) + LOOK_AHEAD + 1
        first = [line[-1] if line else none_left for line in waiting]
        starts = [0.0] * len(lines)
        running: list[tuple[float, int]] = []
        free, now, beyond = room.all, 0.0, LOOK_AHEAD + 1
        while True:
            fitting = known.get(free)
            best, chosen = beyond, -1
            for line in room.fitting(free) if fitting is None else fitting:
                if first[line] < best:
                    best, chosen = first[line], line
            if chosen >= 0:
                starts[best] = now
                beyond += 1
                free -= codes[chosen]
                heappush(running, (now + runtimes[best], codes[chosen]))
                line_left = waiting[chosen]
                line_left.pop()
                first[chosen] = line_left[-1] if line_left else none_left
            elif running:
                now, code = heappop(running)
                free += code
                while running and running[0][0] <= now:
                    free += heappop(running)[1]
            else:
                return now, starts

    def _dependent(
        self,
        lines: Sequence[int],
        runtimes: Sequence[float],
        waits: list[int],
        followers: dict[int, list[int]],
    ) -> Played:
        """Play tasks of which some wait for others."""
        room, known, codes = self._room, self._room.known, self._room.codes
        waiting = _Waiting(lines, (number for number, count in enumerate(waits) if not count), len(self._needs))
        starts = [-1.0] * len(lines)
        running: list[tuple[float, int]] = []
        free, now = room.all, 0.0
        while True:
            fitting = known.get(free)
            number = waiting.next(room.fitting(free) if fitting is None else fitting)
            if number >= 0:
                starts[number] = now
                free -= codes[lines[number]]
                heappush(running, (now + runtimes[number], number))
                continue
            if not running:
                return now, starts
            now = running[0][0]
            while running and running[0][0] <= now:
                number = heappop(running)[1]
                free += codes[lines[number]]
                if number in followers:
                    _release(followers[number], waits, waiting.push)

    def _by_window(
        self,
        lines: Sequence[int],
        runtimes: Sequence[float],
        waits: list[int],
        followers: dict[int, list[int]],
    ) -> Played:
        """Play tasks of which hardly two need the same."""
        ready = [number for number, count in enumerate(waits) if not count] if waits else range(len(lines))
        window = _Window(ready)
        starts = [-1.0] * len(lines)
        guards, needs = self._room.guards, list(map(self._room.codes.__getitem__, lines))
        running: list[tuple[float, int]] = []
        free, now = self._room.all, 0.0
        while True:
            for number in window.take(free, needs, guards):
                starts[number] = now
                free -= needs[number]
                heappush(running, (now + runtimes[number], number))
            if not running:
                return now, starts
            now = running[0][0]
            while running and running[0][0] <= now:
                number = heappop(running)[1]
                free += needs[number]
                if number in followers:
                    _release(followers[number], waits, window.push)


class _Window:
    """The tasks that are looked at, in order, and the rest that may start."""

    def __init__(self, ready: Iterable[int]) -> None:
        self._rest = list(ready)  # ascending, so it is a heap
        self._looked_at = self._rest[: LOOK_AHEAD + 1]
        del self._rest[: LOOK_AHEAD + 1]

    def push(self, number: int) -> None:
        """Add a task that has become ready."""
        if len(self._looked_at) > LOOK_AHEAD:
            if number > self._looked_at[-1]:
                heappush(self._rest, number)
                return
            heappush(self._rest, self._looked_at.pop())
        insort(self._looked_at, number)

    def take(self, free: int, needs: Sequence[int], guards: int) -> list[int]:
        """Remove and return the tasks that start now, one after the other, with what is `free` of guarded amounts."""
        looked_at, rest = self._looked_at, self._rest
        taken = []
        for number in [number for number in looked_at if (free - needs[number]) & guards == guards]:
            left = free - needs[number]
            if left & guards == guards:
                free = left
                taken.append(number)
                del looked_at[bisect_left(looked_at, number)]
        while taken and rest and len(looked_at) <= LOOK_AHEAD:
            number = heappop(rest)
            left = free - needs[number]
            if left & guards == guards:
                free = left
                taken.append(number)
            else:
                looked_at.append(number)
        return taken


class _Room:
    """What is free of all resources as one number, and which lines fit into it.

    Each amount has bits of its own and above them a guard, which is set. Needs are taken away as a whole; where there
    is not enough of something, its guard is borrowed from.
    """

    def __init__(self, limits: Limits, needs: Sequence[Limits]) -> None:
        self._shifts = list(accumulate((limit.bit_length() + 1 for limit in limits), initial=0))
        self.guards = sum(1 << (shift - 1) for shift in self._shifts[1:])
        self.known: dict[int, tuple[int, ...]] = {}
        self.all = self._code(limits) + self.guards
        self.codes = [self._code(need) for need in needs]

    def fitting(self, free: int) -> tuple[int, ...]:
        """Return the lines whose needs fit into `free`."""
        found = self.known.get(free)
        if found is None:
            guards = self.guards
            found = tuple([line for line, code in enumerate(self.codes) if (free - code) & guards == guards])
            if len(self.known) >= MOST_REMEMBERED:
                self.known.clear()
            self.known[free] = found
        return found

    def _code(self, amounts: Limits) -> int:
        return sum(amount << shift for amount, shift in zip(amounts, self._shifts, strict=False))


class _Waiting(_Window):
    """The same, and the tasks in one line for each row of needs."""

    def __init__(self, lines: Sequence[int], ready: Iterable[int], count: int) -> None:
        super().__init__(ready)
        self._lines = lines
        self._waiting: list[list[int]] = [[] for _ in range(count)]
        for number in (*self._looked_at, *self._rest):
            self._waiting[lines[number]].append(number)

    def push(self, number: int) -> None:
        """Add a task that has become ready."""
        heappush(self._waiting[self._lines[number]], number)
        super().push(number)

    def next(self, fitting: Iterable[int]) -> int:
        """Remove and return the first task that is looked at and waits in one of the lines `fitting`; -1: none."""
        window = self._looked_at
        best, chosen = window[-1] + 1 if window else 0, -1
        for line in fitting:
            waiting = self._waiting[line]
            if waiting and waiting[0] < best:
                best, chosen = waiting[0], line
        if chosen < 0:
            return -1
        heappop(self._waiting[chosen])
        del window[bisect_left(window, best)]
        if self._rest:
            window.append(heappop(self._rest))
        return best


def _release(followers: Iterable[int], waits: list[int], push: Callable[[int], None]) -> None:
    for follower in followers:
        waits[follower] -= 1
        if not waits[follower]:
            push(follower)


def _check_all_started(problem: Problem, order: Sequence[int], starts: list[float]) -> None:
    if starts and min(starts) < 0:
        stuck = problem.ids[order[starts.index(-1.0)]]
        raise InputError("can never start: its dependencies form a cycle", where=f"job {stuck}")


def _waits(problem: Problem, order: Sequence[int]) -> tuple[list[int], dict[int, list[int]]]:
    """Return for each number of `order` how many others it waits for, and the numbers that wait for it."""
    numbers = dict(zip(order, range(len(order)), strict=True))
    waits = [0] * len(order)
    followers: dict[int, list[int]] = {}
    for number, dependencies in enumerate(map(problem.dependencies.__getitem__, order)):
        for upstream in dependencies:
            before = numbers.get(upstream)
            if before is None:
                continue
            waits[number] += 1
            if before in followers:
                followers[before].append(number)
            else:
                followers[before] = [number]
    return waits, followers
