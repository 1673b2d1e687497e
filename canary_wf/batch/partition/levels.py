"""Distributes a given number of batches over the levels of dependencies, by the work on each level.

A chain of batches passes every level, so it takes the sum of the levels' lengths. To shorten a level by one second,
each of its batches gives up one second, which is cheap on levels with few batches. The batches have more room than
there is work; that room is given up where it shortens the chain at the lowest price.
"""

import math
from collections.abc import Sequence
from heapq import heapify, heappop, heappush

import msgspec

GAP = 4.0
"""Approximate size of the gap in a batch, in mean tasks: tasks do not fill a batch exactly."""

LARGEST_GAP = 0.01
"""Largest share of a batch that stays empty."""

ATTEMPTS = 8
"""Attempts. Each one spends less room if the one before took too many batches."""

_NOTHING = 1e-9


class Level(msgspec.Struct, frozen=True):
    """The work that has to be packed into the batches of a level.

    `work` is the load of the `count` tasks that must run on the level and `longest` the longest of them, in seconds.
    `free` and `longest_free` are the same for tasks that may run later because nothing depends on them.
    """

    count: int
    work: float
    longest: float
    free: float
    longest_free: float


class Allotment(msgspec.Struct, frozen=True):
    """A distribution of batches: their number and fill in seconds by level, the number of others, and the chain."""

    counts: list[int]
    filled: list[float]
    others: int
    chain: float


def in_proportion(work: Sequence[float], sizes: Sequence[int], count: int) -> list[int]:
    """Return how many of `count` batches each level gets: one, and a share of the others in proportion to its work."""
    total = sum(work) or 1.0
    exact = [(count - len(work)) * seconds / total for seconds in work]
    counts = [1 + int(share) for share in exact]
    by_remainder = sorted(range(len(work)), key=lambda level: (int(exact[level]) - exact[level], level))
    for level in by_remainder[: count - sum(counts)]:
        counts[level] += 1
    return [min(has, size) for has, size in zip(counts, sizes, strict=True)]


def evenly(work: Sequence[float], sizes: Sequence[int], count: int) -> list[int]:
    """Return how many of `count` batches each level gets if each batch goes to the level with the longest batches."""
    counts = [1] * len(work)
    _give(counts, work, sizes, count - len(work))
    return counts


def allotted(levels: Sequence[Level], tasks: int, count: int, target: float) -> Allotment | None:
    """Return how `count` batches of at most `target` seconds make a short chain, or None if they are too few.

    `tasks` is the number of tasks on all `levels`.
    """
    work = sum(level.work + level.free for level in levels)
    gap = min(LARGEST_GAP, GAP * work / tasks / target)
    room = count * target * (1 - gap) - work
    for _ in range(ATTEMPTS):
        if room < 0:
            return None
        found = _Spending(levels, count, target, gap).spend(room)
        if found is not None:
            return found
        room = 0.9 * room - target / 4
    return None


class _Spending:
    """One distribution: the number of batches by level, and by how many seconds they stay below the target."""

    def __init__(self, levels: Sequence[Level], count: int, target: float, gap: float) -> None:
        self._gap = gap
        self._levels = levels
        self._count = count
        self._target = target
        self._counts = [max(1, math.ceil(level.work / target)) if level.count else 0 for level in levels]
        self._short = [0.0] * len(levels)

    def spend(self, room: float) -> Allotment | None:
        """Return the distribution that leaves `room` seconds of batches unused, or None if it has too many batches."""
        self._shorten(room)
        others = self._others()
        left = self._count - sum(self._counts) - others
        if left < 0:
            return None
        sizes = [level.count for level in self._levels]
        unused = _give(self._counts, [level.work for level in self._levels], sizes, left)
        others = others + unused if others else 0
        filled = [self._target - short for short in self._short]
        return Allotment(self._counts, filled, others, self._chain(filled, others))

    def _shorten(self, room: float) -> None:
        """Spend `room` on shorter batches, first where a second of the chain costs least."""
        offers: list[tuple[float, int, int]] = []
        for level, count in enumerate(self._counts):
            self._offer(offers, level, count)
        while offers:
            _, level, count = heappop(offers)
            short, cost = self._step(level, count)
            if cost > room:
                if count == self._counts[level]:
                    self._short[level] += room / count
                    return
                continue
            room -= cost
            self._counts[level], self._short[level] = count, short
            self._offer(offers, level, count + 1)

    def _step(self, level: int, count: int) -> tuple[float, float]:
        """Return by how much `count` batches of `level` can stay below the target, and the additional room it takes."""
        needs = self._levels[level]
        short = max(0.0, self._target - max(needs.work / count, needs.longest))
        return short, count * short - self._counts[level] * self._short[level]

    def _offer(self, offers: list[tuple[float, int, int]], level: int, count: int) -> None:
        if not 0 < count <= self._levels[level].count:
            return
        short, cost = self._step(level, count)
        gain = short - self._short[level]
        if gain > _NOTHING * self._target:
            heappush(offers, (cost / gain, level, count))

    def _others(self) -> int:
        """Return how many batches are needed for free tasks that do not fit into the batches of the levels."""
        waiting = 0.0
        for level, count, short in zip(self._levels, self._counts, self._short, strict=True):
            waiting += level.free
            waiting -= min(waiting, max(0.0, (1 - 2 * self._gap) * count * (self._target - short) - level.work))
        return math.ceil(waiting / self._target - _NOTHING)

    def _chain(self, filled: Sequence[float], others: int) -> float:
        before = longest = 0.0
        for level, seconds in zip(self._levels, filled, strict=True):
            if level.free and others:
                longest = max(longest, before + max(self._target, level.longest_free))
            if level.count:
                before += max(seconds, level.longest)
        return max(before, longest)


def _give(counts: list[int], work: Sequence[float], sizes: Sequence[int], extra: int) -> int:
    """Give `extra` batches one by one to the level with the longest batches. Return how many remain unused."""
    longest = [(-work[level] / has, level) for level, has in enumerate(counts) if 0 < has < sizes[level]]
    heapify(longest)
    while extra and longest:
        _, level = heappop(longest)
        counts[level] += 1
        extra -= 1
        if counts[level] < sizes[level]:
            heappush(longest, (-work[level] / counts[level], level))
    return extra
