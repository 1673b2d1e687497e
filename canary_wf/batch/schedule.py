"""The reference schedule inside a batch, the one that estimates are made with and that the runner follows.

Longest remaining path first: a job's run time plus the longest chain behind it inside the batch; ties by id; looking
at most 64 waiting jobs past one that does not fit. It is list scheduling (Graham, "Bounds on multiprocessing timing
anomalies", 1969) with a bounded look ahead. The runner uses `reference_order` and `ReadyQueue`, and does the
allocation of real ids itself; `simulate` does it with numbers.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush

import msgspec

from canary_wf.batch.capacity import Limits, limited
from canary_wf.batch.task import Problem
from canary_wf.errors import InputError

LOOK_AHEAD = 64
"""Waiting jobs looked at past the first one that does not fit."""


class ReadyQueue:
    """Tasks that may start, smaller numbers first; number tasks by their place in `reference_order`.

    `kinds[number]` names tasks that fit or do not fit alike (None: each one is of its own kind); after one did not
    fit, others of its kind are not asked in the same `take`.
    """

    def __init__(self, ready: Iterable[int] = (), kinds: Sequence[int] | None = None) -> None:
        self._rest = list(ready)
        heapify(self._rest)
        self._kinds = kinds
        self._window: list[int] = []
        self._present: dict[int, int] = {}
        self._refill()

    def __len__(self) -> int:
        return len(self._window) + len(self._rest)

    def push(self, number: int) -> None:
        """Add a task that has become ready."""
        window = self._window
        if len(window) > LOOK_AHEAD:
            if number > window[-1]:
                heappush(self._rest, number)
                return
            heappush(self._rest, self._drop(LOOK_AHEAD))
        place = len(window)
        while place and window[place - 1] > number:
            place -= 1
        self._put(place, number)

    def take(self, fits: Callable[[int], bool]) -> Iterator[int]:
        """Yield and remove the tasks to start now; `fits` is asked anew after each one has been handed out."""
        window, kinds, present = self._window, self._kinds, self._present
        blocked: set[int] = set()
        place = 0
        # Once one of each kind that waits has been refused, the rest needs no look.
        while place < len(window) and len(blocked) < len(present):
            number = window[place]
            kind = number if kinds is None else kinds[number]
            if kind in blocked:
                place += 1
            elif fits(number):
                self._drop(place)
                self._refill()
                yield number
            else:
                blocked.add(kind)
                place += 1

    def _refill(self) -> None:
        window, rest = self._window, self._rest
        while rest and len(window) <= LOOK_AHEAD:
            self._put(len(window), heappop(rest))

    def _put(self, place: int, number: int) -> None:
        kind = number if self._kinds is None else self._kinds[number]
        self._window.insert(place, number)
        self._present[kind] = self._present.get(kind, 0) + 1

    def _drop(self, place: int) -> int:
        number = self._window.pop(place)
        kind = number if self._kinds is None else self._kinds[number]
        left = self._present[kind] - 1
        if left:
            self._present[kind] = left
        else:
            del self._present[kind]
        return number


class Schedule(msgspec.Struct, frozen=True):
    """How a batch runs by the reference schedule.

    `length` in seconds; `starts` in seconds after the batch's, aligned with the members that were given; `peak` the
    most slots of each type in use at once (MiB of memory); `concurrency` the most tasks at once.
    """

    length: float
    starts: tuple[float, ...]
    peak: Mapping[str, float]
    concurrency: int


def reference_order(problem: Problem, members: Sequence[int]) -> list[int]:
    """Return `members` in the order in which waiting tasks are looked at: longest remaining path first, ties by id."""
    by_id = sorted(members, key=problem.ids.__getitem__)
    path = _remaining_paths(problem, members)
    return sorted(by_id, key=lambda task: -path[task])


def simulate(problem: Problem, members: Sequence[int]) -> Schedule:
    """Return the reference schedule of the tasks `members` of `problem`, run as one batch.

    Dependencies on tasks outside of `members` are taken as done. Raises InputError when dependencies form a cycle.
    """
    order = reference_order(problem, members)
    length, starts = Machine(problem).play(order, dependent=True)
    by_task = dict(zip(order, starts, strict=True))
    peak, concurrency = _peak(problem, by_task)
    return Schedule(length, tuple(by_task[task] for task in members), peak, concurrency)


class Machine:
    """One node that plays the reference schedule; made once for a problem, played for many batches."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._limits, self._needs = limited(problem)

    def length(self, order: Sequence[int], *, dependent: bool = False) -> float:
        """Return the length in seconds of the schedule of `order`, which must be in reference order."""
        return self.play(order, dependent=dependent)[0]

    def play(self, order: Sequence[int], *, dependent: bool) -> tuple[float, list[float]]:
        """Return the schedule's length and the start of each task of `order`, all in seconds.

        `order` is in reference order; `dependent` says that its tasks may depend on one another.
        """
        problem = self._problem
        kinds = list(map(problem.kinds.__getitem__, order))
        runtimes = list(map(problem.runtimes.__getitem__, order))
        waits, followers = _waits(problem, order) if dependent else ([], {})
        ready = [number for number, count in enumerate(waits) if not count] if followers else range(len(order))
        queue = ReadyQueue(ready, kinds)
        starts = [-1.0] * len(order)
        free = list(self._limits)
        needs = list(map(self._needs.__getitem__, kinds))
        running: list[tuple[float, int]] = []
        now = 0.0
        fits = _fitting(free, needs)
        while True:
            for number in queue.take(fits):
                starts[number] = now
                for place, wanted in enumerate(needs[number]):
                    free[place] -= wanted
                heappush(running, (now + runtimes[number], number))
            if not running:
                break
            now = running[0][0]
            while running and running[0][0] <= now:
                number = heappop(running)[1]
                for place, wanted in enumerate(needs[number]):
                    free[place] += wanted
                if number in followers:
                    _release(followers[number], waits, queue)
        _check_all_started(problem, order, starts)
        return now, starts


def _fitting(free: list[int], needs: Sequence[Limits]) -> Callable[[int], bool]:
    """Return the question whether a task fits into what is free; most nodes run out of one resource only."""
    if len(free) == 1:
        singles = [need[0] for need in needs]
        return lambda number: singles[number] <= free[0]

    def fits(number: int) -> bool:
        for wanted, there in zip(needs[number], free, strict=True):  # noqa: SIM110 - a generator costs twice as much
            if wanted > there:
                return False
        return True

    return fits


def _release(followers: Sequence[int], waits: list[int], queue: ReadyQueue) -> None:
    for follower in followers:
        waits[follower] -= 1
        if not waits[follower]:
            queue.push(follower)


def _check_all_started(problem: Problem, order: Sequence[int], starts: Sequence[float]) -> None:
    for task, start in zip(order, starts, strict=True):
        if start < 0:
            raise InputError("can never start: its dependencies form a cycle", where=f"job {problem.ids[task]}")


def _waits(problem: Problem, order: Sequence[int]) -> tuple[list[int], dict[int, list[int]]]:
    """Return for each number of `order` how many others it waits for, and the numbers that wait for it."""
    numbers = {task: number for number, task in enumerate(order)}
    waits = [0] * len(order)
    followers: dict[int, list[int]] = {}
    for number, task in enumerate(order):
        for upstream in problem.dependencies[task]:
            if upstream in numbers:
                waits[number] += 1
                followers.setdefault(numbers[upstream], []).append(number)
    return waits, followers


def _remaining_paths(problem: Problem, members: Sequence[int]) -> dict[int, float]:
    """Return for each member its run time plus that of the longest chain of members behind it, in seconds."""
    runtimes = problem.runtimes
    longest = {task: runtimes[task] for task in members}
    waiting = dict.fromkeys(members, 0)
    for task in members:
        for upstream in problem.dependencies[task]:
            if upstream in waiting:
                waiting[upstream] += 1
    last = [task for task, count in waiting.items() if not count]
    while last:
        task = last.pop()
        for upstream in problem.dependencies[task]:
            if upstream in waiting:
                longest[upstream] = max(longest[upstream], runtimes[upstream] + longest[task])
                waiting[upstream] -= 1
                if not waiting[upstream]:
                    last.append(upstream)
    return longest


def _peak(problem: Problem, starts: Mapping[int, float]) -> tuple[dict[str, float], int]:
    """Return the most slots of each type and the most tasks that run at once.

    A task without length runs beside nothing for any time, so it counts by itself only.
    """
    lasting = {task: start for task, start in starts.items() if problem.runtimes[task]}
    # What ends at a moment makes room for what starts then.
    events = [(start, 1, task) for task, start in lasting.items()]
    events += [(start + problem.runtimes[task], 0, task) for task, start in lasting.items()]
    demands = [problem.shapes[problem.kinds[task]].demand for task in starts if task not in lasting]
    peak = [max(column) for column in zip(*demands, strict=True)] or [0.0] * len(problem.types)
    used = [0.0] * len(problem.types)
    at_once, most = 0, min(1, len(starts))
    for _, begins, task in sorted(events):
        sign = 1 if begins else -1
        at_once += sign
        most = max(most, at_once)
        for place, amount in enumerate(problem.shapes[problem.kinds[task]].demand):
            used[place] += sign * amount
            peak[place] = max(peak[place], used[place])
    return dict(zip(problem.types, map(float, peak), strict=True)), most
