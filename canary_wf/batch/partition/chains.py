"""Packs tasks with dependencies into a given number of flat batches, with short batches and short chains of batches.

Several packings are made and simulated. The first one distributes the batches over the levels in proportion to their
work. A packing that has a longer batch or a longer chain than the first one is not taken. Of the others, the one with
the smallest product of longest batch and chain is taken.
"""

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from canary_wf.batch.partition.flat import FlatPacking
from canary_wf.batch.partition.levels import Allotment, Level, allotted, evenly, in_proportion
from canary_wf.batch.partition.lpt import LptPacker, TimedBatch


class CriticalPlacement:
    """Critical-path placement: level by level, with known starts of batches and lengths of the chains behind them.

    Tasks are taken by the longest chain through them. Each goes to the batch whose longest chain is then shortest.
    """

    def __init__(self, packing: FlatPacking, lpt: LptPacker, levels: Sequence[Sequence[int]]) -> None:
        self._packing = packing
        self._lpt = lpt
        self._levels = levels
        runtimes, dependencies = packing.problem.runtimes, packing.problem.dependencies
        self._behind = [0.0] * len(runtimes)
        for task in reversed(packing.graph.order):
            for upstream in dependencies[task]:
                self._behind[upstream] = max(self._behind[upstream], self._behind[task] + runtimes[task])

    def place(self, counts: Sequence[int], leeway: float) -> list[TimedBatch]:
        """Return `counts` batches on each level, loaded to at most `leeway` times the mean of the level."""
        dependencies = self._packing.problem.dependencies
        end = [0.0] * len(self._behind)
        batches: list[TimedBatch] = []
        for tasks, count in zip(self._levels, counts, strict=True):
            ready = {task: max((end[upstream] for upstream in dependencies[task]), default=0.0) for task in tasks}
            for members in self._level(ready, count, leeway):
                batches.append(TimedBatch(members, self._lpt.length(members)))
                done = max(ready[task] for task in members) + batches[-1].length
                for task in members:
                    end[task] = done
        return batches

    def _level(self, ready: dict[int, float], count: int, leeway: float) -> list[list[int]]:
        """Return the batches of one level. `ready` has its tasks and the time at which each may start."""
        runtimes, weight, behind = self._packing.problem.runtimes, self._packing.packer.items.weight, self._behind
        cap = leeway * sum(weight[task] for task in ready) / count
        batches = [_OpenBatch() for _ in range(count)]
        for task in sorted(ready, key=lambda task: (-ready[task] - runtimes[task] - behind[task], task)):
            most = max(cap, runtimes[task])
            open_ones = [one for one in batches if not one.tasks or one.load + weight[task] <= most]
            best = min(
                open_ones or batches,
                key=lambda one: (one.chain(ready[task], runtimes[task], weight[task], behind[task]), one.load),
            )
            best.add(task, ready[task], runtimes[task], weight[task], behind[task])
        return [one.tasks for one in batches if one.tasks]


class _OpenBatch:
    """A batch being filled: its earliest start, its length and the longest chain behind it, in seconds."""

    __slots__ = ("behind", "length", "load", "start", "tasks")

    def __init__(self) -> None:
        self.tasks: list[int] = []
        self.start = self.length = self.load = self.behind = 0.0

    def chain(self, ready: float, runtime: float, weight: float, behind: float) -> float:
        """Return the longest chain through the batch with one more task."""
        return max(self.start, ready) + max(self.length, runtime, self.load + weight) + max(self.behind, behind)

    def add(self, task: int, ready: float, runtime: float, weight: float, behind: float) -> None:
        """Add `task`."""
        self.tasks.append(task)
        self.start, self.behind = max(self.start, ready), max(self.behind, behind)
        self.load += weight
        self.length = max(self.length, runtime, self.load)


LOOSE = (1.0, 1.03, 1.07, 1.12, 1.18, 1.25, 1.35, 1.5, 1.7, 2.0, 2.4)
"""Targets tried, as multiples of the mean load of a batch."""

TIGHTER = (0.95, 0.98)
"""Further targets, as multiples of the longest batch of the packings that distribute batches over levels."""

LEEWAYS = (1.3, 1.02, 2.0)
"""Largest load of batches in critical-path placement, as multiples of the mean of their level."""

NEAR = 1e-4
"""Share of the mean load of a level by which a batch may exceed it before tasks are moved."""

LONG = 2.0
"""Length of a task, in mean loads of a batch, from which critical-path placement is tried."""

MOST_COMPARED = 150_000
"""Approximate number of pairs of a task and a batch that it compares."""

TASKS_PACKED = 40_000
"""Approximate total number of tasks in the packings that are compared beyond the first ones."""

MANY = 200_000
"""Largest number of tasks for which there is time for two packings."""

MOST_CUTS = 12
"""Number of cuts tried. From the level of the cut on, sinks stay on their level."""

_ROUNDING = 1e-9


def long_tasks(packing: FlatPacking, count: int) -> bool:
    """Return whether a task is so long that the choice of its batch matters more than how full batches are."""
    return max(packing.problem.runtimes) * count > LONG * sum(packing.packer.items.weight)


class ChainPacking:
    """Packings of one problem without groups into at most `count` batches, at least one for each level."""

    def __init__(self, packing: FlatPacking, count: int) -> None:
        self._count = count
        self._packing = packing
        self._graph = packing.graph
        self._weight = packing.packer.items.weight
        self._lpt = LptPacker(packing.packer.items, packing.measure)
        self._levels: list[list[int]] = [[] for _ in range(packing.graph.depth)]
        for task in sorted(range(len(packing.problem)), key=lambda task: (-self._weight[task], task)):
            self._levels[packing.graph.level[task]].append(task)
        self._work = [max(packing.load(tasks), default=0.0) for tasks in self._levels]
        self._waited_for = self._level_needs()

    def best(self, others: Sequence[list[list[int]]] = ()) -> list[list[int]]:
        """Return the best batches, lower levels first. `others` are packings to compare with."""
        sizes = [len(tasks) for tasks in self._levels]
        counts = in_proportion(self._work, sizes, self._count)
        best = self._on_levels(counts)
        length, chain = most = self._quality(best)
        rebalance = self._on_levels(evenly(self._work, sizes, self._count)) if len(self._weight) <= MANY else best
        shortest = min(length, max(batch.length for batch in rebalance))
        for timed in (rebalance, *self._candidates(counts, (shortest, length), others)):
            longest, longest_chain = quality = self._quality(timed)
            bounded = longest <= length * (1 + _ROUNDING) and longest_chain <= chain * (1 + _ROUNDING)
            if bounded and math.prod(quality) < math.prod(most):
                best, most = timed, quality
        return [batch.tasks for batch in best]

    def _candidates(
        self, counts: Sequence[int], lengths: tuple[float, float], others: Sequence[list[list[int]]]
    ) -> Iterator[list[TimedBatch]]:
        """Yield packings that may be better than the one with `counts` by level.

        `lengths` are the shortest length of the longest batch that levels allow, and its longest allowed length.
        """
        for batches in others:
            yield [TimedBatch(batch, self._lpt.length(batch)) for batch in batches]
        if long_tasks(self._packing, self._count):
            placement = CriticalPlacement(self._packing, self._lpt, self._levels)
            compared = sum(has * len(tasks) for has, tasks in zip(counts, self._levels, strict=True))
            for leeway in LEEWAYS[: MOST_COMPARED // (compared + 1)]:
                yield placement.place(counts, leeway)
        for target in self._targets(lengths):
            timed = self._for_target(target)
            if timed and len(timed) <= self._count:
                yield timed

    def _targets(self, lengths: tuple[float, float]) -> list[float]:
        """Return targets in seconds below `lengths`. The longest come first, because they make short chains."""
        mean = sum(self._work) / self._count
        tasks = len(self._packing.problem)
        tries = max(2 if tasks <= MANY else 1, TASKS_PACKED // tasks)
        found = {mean * share for share in LOOSE} | {length * share for length in lengths for share in TIGHTER}
        most = max(lengths) * max(TIGHTER) * (1 + _ROUNDING)
        return sorted((target for target in found if 0 < target <= most), reverse=True)[:tries]

    def _quality(self, batches: Sequence[TimedBatch]) -> tuple[float, float]:
        """Return the lengths of the longest batch and of the longest chain of batches, in seconds."""
        longest = max(batch.length for batch in batches)
        return longest, self._packing.chain([batch.tasks for batch in batches], [batch.length for batch in batches])

    def _on_levels(self, counts: Sequence[int]) -> list[TimedBatch]:
        """Return batches with every task on its own level, packed by LPT into `counts` batches."""
        return [
            batch
            for tasks, count, work in zip(self._levels, counts, self._work, strict=True)
            for batch in self._lpt.rebalance(self._lpt.pack(tasks, count), work / count * (1 + NEAR))
        ]

    def _level_needs(self) -> list[tuple[Level, Level]]:
        """Return for each level its needs if sinks may leave the level, and if they may not."""
        followers, runtimes, found = self._graph.followers, self._packing.problem.runtimes, []
        for tasks, work in zip(self._levels, self._work, strict=True):
            bound = [task for task in tasks if followers[task]]
            held = max(self._packing.load(bound), default=0.0)
            longest = max((runtimes[task] for task in bound), default=0.0)
            longest_free = max((runtimes[task] for task in tasks if not followers[task]), default=0.0)
            every = max(longest, longest_free)
            loose = Level(len(bound), held, longest, work - held if len(bound) < len(tasks) else 0.0, longest_free)
            found.append((loose, Level(len(tasks), work, every, 0.0, 0.0)))
        return found

    def _for_target(self, target: float) -> list[TimedBatch] | None:
        """Return batches of about `target` seconds for the cut with the shortest expected chain."""
        depth = len(self._levels)
        plans: list[tuple[float, int, Allotment]] = []
        for cut in sorted({*range(0, depth + 1, math.ceil(depth / MOST_CUTS)), depth}):
            levels = [pair[level >= cut] for level, pair in enumerate(self._waited_for)]
            plan = allotted(levels, len(self._weight), self._count, target)
            if plan is not None:
                plans.append((plan.chain, cut, plan))
        if not plans:
            return None
        _, cut, plan = min(plans, key=lambda found: found[:2])
        return self._as_planned(plan, cut, target)

    def _as_planned(self, plan: Allotment, cut: int, target: float) -> list[TimedBatch]:
        """Return the batches of `plan`, made from the last level to the first, so that sinks fill late batches."""
        followers = self._graph.followers
        spare = [task for tasks in self._levels[:cut] for task in reversed(tasks) if not followers[task]][::-1]
        open_batches: list[list[list[int]]] = [[] for _ in self._levels]
        for level in reversed(range(len(self._levels))):
            bound = [task for task in self._levels[level] if level >= cut or followers[task]]
            if not bound:
                continue
            open_batches[level] = self._lpt.pack(bound, plan.counts[level])
            later = bisect_left(spare, -level, key=lambda task: -self._graph.level[task])
            spare[later:] = self._lpt.top_up(open_batches[level], spare[later:], plan.filled[level])
        free = self._sink_batches(spare, plan.others, target, open_batches)
        return [
            batch
            for level, batches in enumerate(open_batches)
            for batch in (*self._lpt.rebalance(batches, plan.filled[level]), *self._lpt.rebalance(free[level], target))
        ]

    def _sink_batches(
        self, spare: Sequence[int], count: int, target: float, open_batches: Sequence[list[list[int]]]
    ) -> list[list[list[int]]]:
        """Return by level `count` batches of sinks. If `count` is 0, the sinks go into `open_batches`."""
        waiting: dict[int, list[int]] = {}
        for task in spare:
            waiting.setdefault(self._graph.level[task], []).append(task)
        batches: list[list[list[int]]] = [[] for _ in self._levels]
        full = max(target, sum(self._weight[task] for task in spare) / max(count, 1))
        pool: list[int] = []
        for level in sorted(waiting):
            pool = sorted([*pool, *waiting[level]], key=lambda task: (-self._weight[task], task))
            if level == max(waiting):
                batches[level], pool = self._lpt.pack(pool, count) if count else [], [] if count else pool
            else:
                here = min(count - 1, int(sum(self._weight[task] for task in pool) / full))
                if here > 0:
                    batches[level], pool = self._lpt.capped(pool, here, full)
                    count -= len(batches[level])
        for task in pool:
            level = self._graph.level[task]
            later = [batch for found in (batches[level], *open_batches[level:]) for batch in found]
            if later:
                min(later, key=len).append(task)
            else:
                batches[level].append([task])
        return batches
