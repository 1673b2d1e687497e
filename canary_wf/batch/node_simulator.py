"""Event simulator of one node: when each task of a batch starts by the reference schedule, and how long the batch is.

`canary_wf.batch.reference_schedule` defines the schedule. A naive simulator would go through all waiting tasks whenever
a task ends. Here tasks that need the same wait in one queue, so that only the first of each queue is examined. All free
resources are one number, so that the queues that fit are computed once for each number.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from itertools import accumulate

from canary_wf.batch.capacity import Limits, distinct_needs
from canary_wf.batch.problem import Problem
from canary_wf.batch.ready_queue import LOOK_AHEAD
from canary_wf.errors import InputError

MANY_QUEUES = 24
"""Above this number of queues, going through the waiting tasks is faster than examining the first of each queue."""

MOST_REMEMBERED = 4096
"""Amounts of free resources for which the queues that fit are cached."""

Simulated = tuple[float, list[float]]
"""The length of a schedule and the start of each of its tasks, in seconds."""


class NodeSimulator:
    """Simulates the reference schedule of any batch of one problem."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        limits, self._needs, self._queue_of = distinct_needs(problem)
        self._room = _Room(limits, self._needs)

    def length(self, order: Sequence[int], *, dependent: bool = False) -> float:
        """Return the length in seconds of the schedule of `order`, which is in reference order."""
        return self.run(order, dependent=dependent)[0]

    def run(self, order: Sequence[int], *, dependent: bool) -> Simulated:
        """Return the length of the schedule and the start of each task of `order`, all in seconds.

        `order` is in reference order. `dependent` says that its tasks may depend on one another.
        """
        problem = self._problem
        runtimes = list(map(problem.runtimes.__getitem__, order))
        if len(order) == 1 and not dependent:
            return runtimes[0], [0.0]
        queues = list(map(self._queue_of.__getitem__, map(problem.shape_of.__getitem__, order)))
        waits, followers = _waits(problem, order) if dependent else ([], {})
        if len(self._needs) > MANY_QUEUES:
            simulated = self._by_window(queues, runtimes, waits, followers)
        elif followers:
            simulated = self._dependent(queues, runtimes, waits, followers)
        else:
            simulated = self._independent(queues, runtimes)
        if followers:
            _check_all_started(problem, order, simulated[1])
        return simulated

    def _independent(self, queues: Sequence[int], runtimes: Sequence[float]) -> Simulated:
        """Simulate tasks that may all start at once. A limit on the number of examined tasks grows with each start."""
        room, cache, codes = self._room, self._room.cache, self._room.codes
        waiting: list[list[int]] = [[] for _ in self._needs]
        for number in range(len(queues) - 1, -1, -1):
            waiting[queues[number]].append(number)
        none_left = len(queues) + LOOK_AHEAD + 1
        first = [queue[-1] if queue else none_left for queue in waiting]
        starts = [0.0] * len(queues)
        running: list[tuple[float, int]] = []
        free, now, beyond = room.all, 0.0, LOOK_AHEAD + 1
        while True:
            fitting = cache.get(free)
            best, chosen = beyond, -1
            for queue in room.fitting(free) if fitting is None else fitting:
                if first[queue] < best:
                    best, chosen = first[queue], queue
            if chosen >= 0:
                starts[best] = now
                beyond += 1
                free -= codes[chosen]
                heappush(running, (now + runtimes[best], codes[chosen]))
                rest = waiting[chosen]
                rest.pop()
                first[chosen] = rest[-1] if rest else none_left
            elif running:
                now, code = heappop(running)
                free += code
                while running and running[0][0] <= now:
                    free += heappop(running)[1]
            else:
                return now, starts

    def _dependent(
        self,
        queues: Sequence[int],
        runtimes: Sequence[float],
        waits: list[int],
        followers: dict[int, list[int]],
    ) -> Simulated:
        """Simulate tasks of which some wait for others."""
        room, cache, codes = self._room, self._room.cache, self._room.codes
        waiting = _QueuedWindow(queues, (number for number, count in enumerate(waits) if not count), len(self._needs))
        starts = [-1.0] * len(queues)
        running: list[tuple[float, int]] = []
        free, now = room.all, 0.0
        while True:
            fitting = cache.get(free)
            number = waiting.next(room.fitting(free) if fitting is None else fitting)
            if number >= 0:
                starts[number] = now
                free -= codes[queues[number]]
                heappush(running, (now + runtimes[number], number))
                continue
            if not running:
                return now, starts
            now = running[0][0]
            while running and running[0][0] <= now:
                number = heappop(running)[1]
                free += codes[queues[number]]
                if number in followers:
                    _release(followers[number], waits, waiting.push)

    def _by_window(
        self,
        queues: Sequence[int],
        runtimes: Sequence[float],
        waits: list[int],
        followers: dict[int, list[int]],
    ) -> Simulated:
        """Simulate tasks that nearly all have different needs."""
        ready = [number for number, count in enumerate(waits) if not count] if waits else range(len(queues))
        window = _Window(ready)
        starts = [-1.0] * len(queues)
        guards, needs = self._room.guards, list(map(self._room.codes.__getitem__, queues))
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
    """The ready tasks that are examined, in order, and the other ready tasks."""

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
        """Remove and return the tasks that start now, one after the other; `free` are the guarded free amounts."""
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
    """Free amounts of all resources as one number, and the queues whose tasks fit.

    Each amount has its own bits and a guard bit above them, which is set. Needs are subtracted as one number. If an
    amount is too small, the subtraction clears its guard bit.
    """

    def __init__(self, limits: Limits, needs: Sequence[Limits]) -> None:
        self._shifts = list(accumulate((limit.bit_length() + 1 for limit in limits), initial=0))
        self.guards = sum(1 << (shift - 1) for shift in self._shifts[1:])
        self.cache: dict[int, tuple[int, ...]] = {}
        self.all = self._code(limits) + self.guards
        self.codes = [self._code(need) for need in needs]

    def fitting(self, free: int) -> tuple[int, ...]:
        """Return the queues whose tasks fit into `free`."""
        found = self.cache.get(free)
        if found is None:
            guards = self.guards
            found = tuple([queue for queue, code in enumerate(self.codes) if (free - code) & guards == guards])
            if len(self.cache) >= MOST_REMEMBERED:
                self.cache.clear()
            self.cache[free] = found
        return found

    def _code(self, amounts: Limits) -> int:
        return sum(amount << shift for amount, shift in zip(amounts, self._shifts, strict=False))


class _QueuedWindow(_Window):
    """A window that also keeps the ready tasks in one queue for each row of needs."""

    def __init__(self, queues: Sequence[int], ready: Iterable[int], count: int) -> None:
        super().__init__(ready)
        self._lines = queues
        self._waiting: list[list[int]] = [[] for _ in range(count)]
        for number in (*self._looked_at, *self._rest):
            self._waiting[queues[number]].append(number)

    def push(self, number: int) -> None:
        """Add a task that has become ready."""
        heappush(self._waiting[self._lines[number]], number)
        super().push(number)

    def next(self, fitting: Iterable[int]) -> int:
        """Remove and return the first examined task that waits in one of the queues `fitting`, or -1."""
        window = self._looked_at
        best, chosen = window[-1] + 1 if window else 0, -1
        for queue in fitting:
            waiting = self._waiting[queue]
            if waiting and waiting[0] < best:
                best, chosen = waiting[0], queue
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
    """Return for each number of `order` how many others it waits for, and which numbers wait for it."""
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
