"""A given number of flat batches for tasks with dependencies: short batches, and short chains of them.

Several packings are made and simulated. The first shares the batches out over the levels in proportion to their work;
none is taken that is worse than this one in the longest batch or in the chain, and of the others the one with the
smallest product of the two.
"""

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from canary_wf.batch.partition.flat import FlatPacking
from canary_wf.batch.partition.levels import Allotment, Level, allotted, evenly, in_proportion
from canary_wf.batch.partition.lpt import Spreader, Timed


class CriticalPlacement:
    """A placement that knows, level by level, when batches start and how long the chains behind them take.

    Tasks come by the longest chain through them. Each goes to the batch that then ends its chains soonest.
    """

    def __init__(self, packing: FlatPacking, spreader: Spreader, levels: Sequence[Sequence[int]]) -> None:
        self._packing = packing
        self._spreader = spreader
        self._levels = levels
        runtimes, dependencies = packing.problem.runtimes, packing.problem.dependencies
        self._behind = [0.0] * len(runtimes)
        for task in reversed(packing.graph.order):
            for upstream in dependencies[task]:
                self._behind[upstream] = max(self._behind[upstream], self._behind[task] + runtimes[task])

    def place(self, counts: Sequence[int], leeway: float) -> list[Timed]:
        """Return the batches, `counts` on each level, loaded to at most `leeway` times the mean of the level."""
        dependencies = self._packing.problem.dependencies
        end = [0.0] * len(self._behind)
        batches: list[Timed] = []
        for tasks, count in zip(self._levels, counts, strict=True):
            ready = {task: max((end[upstream] for upstream in dependencies[task]), default=0.0) for task in tasks}
            for members in self._level(ready, count, leeway):
                batches.append(Timed(members, self._spreader.length(members)))
                done = max(ready[task] for task in members) + batches[-1].length
                for task in members:
                    end[task] = done
        return batches

    def _level(self, ready: dict[int, float], count: int, leeway: float) -> list[list[int]]:
        """Return the batches of one level; `ready` has its tasks and when they may start."""
        runtimes, weight, behind = self._packing.problem.runtimes, self._packing.packer.items.weight, self._behind
        cap = leeway * sum(weight[task] for task in ready) / count
        batches = [_Filling() for _ in range(count)]
        for task in sorted(ready, key=lambda task: (-ready[task] - runtimes[task] - behind[task], task)):
            most = max(cap, runtimes[task])
            open_ones = [one for one in batches if not one.tasks or one.load + weight[task] <= most]
            best = min(
                open_ones or batches,
                key=lambda one: (one.chain(ready[task], runtimes[task], weight[task], behind[task]), one.load),
            )
            best.add(task, ready[task], runtimes[task], weight[task], behind[task])
        return [one.tasks for one in batches if one.tasks]


class _Filling:
    """A batch being filled: when it may start, how long it takes and what comes behind it, in seconds."""

    __slots__ = ("behind", "length", "load", "start", "tasks")

    def __init__(self) -> None:
        self.tasks: list[int] = []
        self.start = self.length = self.load = self.behind = 0.0

    def chain(self, ready: float, runtime: float, weight: float, behind: float) -> float:
        """Return the longest chain through the batch with one task more."""
        return max(self.start, ready) + max(self.length, runtime, self.load + weight) + max(self.behind, behind)

    def add(self, task: int, ready: float, runtime: float, weight: float, behind: float) -> None:
        """Take `task`."""
        self.tasks.append(task)
        self.start, self.behind = max(self.start, ready), max(self.behind, behind)
        self.load += weight
        self.length = max(self.length, runtime, self.load)


LOOSE = (1.0, 1.03, 1.07, 1.12, 1.18, 1.25, 1.35, 1.5, 1.7, 2.0, 2.4)
"""Targets tried, as multiples of the mean load of a batch."""

TIGHTER = (0.95, 0.98)
"""The same as multiples of the longest batch of what is shared out over levels without more ado."""

LEEWAYS = (1.3, 1.02, 2.0)
"""How much more than the mean of their level batches may hold when the longest chains decide."""

NEAR = 1e-4
"""Share of the mean load of a level by which its batches may be longer than that before tasks are moved."""

LONG = 2.0
"""Length of a task in mean loads of a batch from which on chains through it decide."""

MOST_COMPARED = 150_000
"""Pairs of a task and a batch that are looked at for that, about."""

TASKS_PACKED = 40_000
"""How many tasks the packings compared may hold together, about, beyond the first ones."""

MANY = 200_000
"""Tasks up to which there is time for two of them."""

MOST_CUTS = 12
"""Levels tried from which on what nothing waits for stays on its level."""

_ROUNDING = 1e-9


def long_tasks(packing: FlatPacking, count: int) -> bool:
    """Return whether a task takes so long that it matters more which tasks it meets than how full batches are."""
    return max(packing.problem.runtimes) * count > LONG * sum(packing.packer.items.weight)


class Chained:
    """Packings of one problem without groups into at most `count` batches, at least one a level."""

    def __init__(self, packing: FlatPacking, count: int) -> None:
        self._count = count
        self._packing = packing
        self._graph = packing.graph
        self._weight = packing.packer.items.weight
        self._spreader = Spreader(packing.packer.items, packing.measure)
        self._levels: list[list[int]] = [[] for _ in range(packing.graph.depth)]
        for task in sorted(range(len(packing.problem)), key=lambda task: (-self._weight[task], task)):
            self._levels[packing.graph.level[task]].append(task)
        self._work = [max(packing.load(tasks), default=0.0) for tasks in self._levels]
        self._waited_for = self._described()

    def best(self, others: Sequence[list[list[int]]] = ()) -> list[list[int]]:
        """Return the best batches, those of lower levels first; `others` are packings to compare with."""
        sizes = [len(tasks) for tasks in self._levels]
        counts = in_proportion(self._work, sizes, self._count)
        best = self._on_levels(counts)
        length, chain = most = self._worth(best)
        even = self._on_levels(evenly(self._work, sizes, self._count)) if len(self._weight) <= MANY else best
        shortest = min(length, max(batch.length for batch in even))
        for timed in (even, *self._candidates(counts, (shortest, length), others)):
            longest, longest_chain = worth = self._worth(timed)
            bounded = longest <= length * (1 + _ROUNDING) and longest_chain <= chain * (1 + _ROUNDING)
            if bounded and math.prod(worth) < math.prod(most):
                best, most = timed, worth
        return [batch.tasks for batch in best]

    def _candidates(
        self, counts: Sequence[int], lengths: tuple[float, float], others: Sequence[list[list[int]]]
    ) -> Iterator[list[Timed]]:
        """Yield packings that may be better than one with `counts` by level.

        `lengths` are what the longest batch takes when it is as short as levels allow, and what it may take at most.
        """
        for batches in others:
            yield [Timed(batch, self._spreader.length(batch)) for batch in batches]
        if long_tasks(self._packing, self._count):
            placement = CriticalPlacement(self._packing, self._spreader, self._levels)
            compared = sum(has * len(tasks) for has, tasks in zip(counts, self._levels, strict=True))
            for leeway in LEEWAYS[: MOST_COMPARED // (compared + 1)]:
                yield placement.place(counts, leeway)
        for target in self._targets(lengths):
            timed = self._for_target(target)
            if timed and len(timed) <= self._count:
                yield timed

    def _targets(self, lengths: tuple[float, float]) -> list[float]:
        """Return targets in seconds below `lengths`; the longest ones, which make short chains, come first."""
        mean = sum(self._work) / self._count
        tasks = len(self._packing.problem)
        tries = max(2 if tasks <= MANY else 1, TASKS_PACKED // tasks)
        found = {mean * share for share in LOOSE} | {length * share for length in lengths for share in TIGHTER}
        most = max(lengths) * max(TIGHTER) * (1 + _ROUNDING)
        return sorted((target for target in found if 0 < target <= most), reverse=True)[:tries]

    def _worth(self, batches: Sequence[Timed]) -> tuple[float, float]:
        """Return the longest batch and the longest chain of batches in seconds."""
        longest = max(batch.length for batch in batches)
        return longest, self._packing.chain([batch.tasks for batch in batches], [batch.length for batch in batches])

    def _on_levels(self, counts: Sequence[int]) -> list[Timed]:
        """Return every task on its own level, evenly spread over as many batches as `counts` says."""
        return [
            batch
            for tasks, count, work in zip(self._levels, counts, self._work, strict=True)
            for batch in self._spreader.even(self._spreader.spread(tasks, count), work / count * (1 + NEAR))
        ]

    def _described(self) -> list[tuple[Level, Level]]:
        """Return for each level what it must hold when what nothing waits for may leave it, and when not."""
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

    def _for_target(self, target: float) -> list[Timed] | None:
        """Return batches of about `target` seconds with the shortest chain that is to be expected of any cut."""
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

    def _as_planned(self, plan: Allotment, cut: int, target: float) -> list[Timed]:
        """Return the batches of `plan`, made from the last level to the first, so that what is free fills late ones."""
        followers = self._graph.followers
        spare = [task for tasks in self._levels[:cut] for task in reversed(tasks) if not followers[task]][::-1]
        drafts: list[list[list[int]]] = [[] for _ in self._levels]
        for level in reversed(range(len(self._levels))):
            bound = [task for task in self._levels[level] if level >= cut or followers[task]]
            if not bound:
                continue
            drafts[level] = self._spreader.spread(bound, plan.counts[level])
            later = bisect_left(spare, -level, key=lambda task: -self._graph.level[task])
            spare[later:] = self._spreader.top_up(drafts[level], spare[later:], plan.filled[level])
        free = self._free(spare, plan.others, target, drafts)
        return [
            batch
            for level, batches in enumerate(drafts)
            for batch in (*self._spreader.even(batches, plan.filled[level]), *self._spreader.even(free[level], target))
        ]

    def _free(
        self, spare: Sequence[int], count: int, target: float, drafts: Sequence[list[list[int]]]
    ) -> list[list[list[int]]]:
        """Return, by level, `count` batches of what nothing waits for; without any it goes into `drafts`."""
        waiting: dict[int, list[int]] = {}
        for task in spare:
            waiting.setdefault(self._graph.level[task], []).append(task)
        batches: list[list[list[int]]] = [[] for _ in self._levels]
        full = max(target, sum(self._weight[task] for task in spare) / max(count, 1))
        pool: list[int] = []
        for level in sorted(waiting):
            pool = sorted([*pool, *waiting[level]], key=lambda task: (-self._weight[task], task))
            if level == max(waiting):
                batches[level], pool = self._spreader.spread(pool, count) if count else [], [] if count else pool
            else:
                here = min(count - 1, int(sum(self._weight[task] for task in pool) / full))
                if here > 0:
                    batches[level], pool = self._spreader.capped(pool, here, full)
                    count -= len(batches[level])
        for task in pool:
            level = self._graph.level[task]
            later = [batch for found in (batches[level], *drafts[level:]) for batch in found]
            if later:
                min(later, key=len).append(task)
            else:
                batches[level].append([task])
        return batches
