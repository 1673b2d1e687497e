"""The flat layout: no task of a batch depends on another one of it.

Each batch has a rank, and every dependency lies in a batch of a lower rank, so the graph of batches is acyclic. Ranks
are the levels of the dependency graph; they are filled from the last one down. A rank must take the tasks of its own
level that others wait for; tasks of lower levels whose followers have all been placed are its filling. What nothing
waits for can so make up a batch that a deep level alone would leave short, and batches of nothing else delay nobody.
"""

from collections.abc import Iterator, Sequence
from zlib import crc32

from canary_wf.batch.capacity import occupancy
from canary_wf.batch.node_simulator import Machine
from canary_wf.batch.partition.columns import Lanes
from canary_wf.batch.partition.graph import Graph, families, interleaved
from canary_wf.batch.partition.open_batch import Items
from canary_wf.batch.partition.packer import Measure, Packer
from canary_wf.batch.partition.packing_parameters import Order, Style
from canary_wf.batch.problem import Problem

FEW = 2000
"""Tasks up to which several packings are compared where one would do."""

FEW_BATCHES = 48
"""The same for batches, where tasks need several resources."""

_NEAR = 8
"""Levels at each end that filling is taken from; looking at all would be quadratic in a chain."""


class FlatPacking:
    """The flat packing of one problem, for any target; `same_nodes` keeps tasks with other node counts apart."""

    def __init__(self, problem: Problem, graph: Graph, *, same_nodes: bool) -> None:
        shares, runtimes = occupancy(problem), problem.runtimes
        self.problem = problem
        self.graph = graph
        self.loads = [
            tuple([share * runtime for share in shares[kind]])
            for kind, runtime in zip(problem.kinds, runtimes, strict=True)
        ]
        self.measure = self._measure()
        self.packer = Packer(Items.of(self.loads, runtimes), self.measure, returned=1 / 2)
        self.groups = problem.nodes if same_nodes else [0] * len(problem)
        self.parts = [crc32(identity.encode()) for identity in problem.ids]
        self.lanes = Lanes(problem)
        self.lines = self._lines()
        self._sinks = [task for task, count in enumerate(graph.followers) if not count]
        self._spare: dict[Order, list[int]] = {}

    def spare(self, order: Order) -> list[int]:
        """Return the tasks that nothing waits for, to be taken from the end."""
        if order not in self._spare:
            self._spare[order] = self.ordered(self._sinks, order)
        return self._spare[order]

    def ordered(self, tasks: Sequence[int], order: Order) -> list[int]:
        """Return `tasks`, which are sorted, in `order`, to be taken from the end."""
        runtimes, weight = self.problem.runtimes, self.packer.items.weight
        ordered = self.evenly(tasks)
        if order == "longest":
            ordered.sort(key=runtimes.__getitem__)
        elif order == "narrowest":
            ordered.sort(key=lambda task: (-weight[task] / (runtimes[task] or 1.0), runtimes[task]))
        return ordered

    def evenly(self, tasks: Sequence[int]) -> list[int]:
        """Return `tasks` so that what is taken from the end has always the same mixture of long and short, of wide."""
        return interleaved(tasks, self.loads, self.problem.runtimes)[::-1]

    def _measure(self) -> Measure:
        runtimes, machine = self.problem.runtimes, Machine(self.problem)
        place = [0] * len(runtimes)
        for number, task in enumerate(sorted(range(len(runtimes)), key=lambda task: -runtimes[task])):
            place[task] = number

        def measure(tasks: Sequence[int], limit: float) -> tuple[float, list[int], list[int]]:
            order = sorted(tasks, key=place.__getitem__)
            length, starts = machine.play(order, dependent=False)
            if length <= limit:
                return length, [], []
            late = [(start, task) for task, start in zip(order, starts, strict=True) if start + runtimes[task] > limit]
            late.sort(reverse=True)
            return (
                length,
                [task for start, task in late if start >= limit],
                [task for start, task in late if start < limit],
            )

        return measure

    def _lines(self) -> list[dict[int, list[int]]]:
        """Return the tasks of each level by group: what fewest wait for comes first, families stay side by side."""
        graph, family = self.graph, families(self.problem)
        depth = [0] * len(family)
        for task, level in enumerate(graph.level):
            depth[family[task]] = max(depth[family[task]], level)
        lines: list[dict[int, list[int]]] = [{} for _ in range(graph.depth)]
        for task in sorted(
            range(len(family)), key=lambda task: (graph.height[task], depth[family[task]], family[task])
        ):
            lines[graph.level[task]].setdefault(self.groups[task], []).append(task)
        return lines

    def load(self, tasks: Sequence[int]) -> list[float]:
        """Return the loads of `tasks` together, in seconds of each limited resource."""
        if not tasks:
            return [0.0] * len(self.loads[0])
        return [sum(column) for column in zip(*(self.loads[task] for task in tasks), strict=True)]

    def pack(self, style: Style) -> list[list[int]]:
        """Return the batches of one packing, those of the lowest rank first.

        No batch is longer than the target or its longest task.
        """
        run = _Run(self, style)
        ranks = [run.rank(rank) for rank in reversed(range(self.graph.depth))]
        return [batch for batches in reversed(ranks) for batch in batches]

    def tight(self, target: float) -> list[list[int]]:
        """Return the fewest batches that any order gives for `target`; large problems are packed in one order only.

        Few batches do not hold all mixes of kinds, and may be better off without.
        """
        depth, small = self.graph.depth, len(self.loads) <= FEW
        best = self.pack(Style.tight(target, depth, "matched"))
        more: list[Order] = ["mixed"] if self.lanes.useful and (small or len(best) <= FEW_BATCHES) else []
        for order in (*more, *(("longest", "narrowest") if small else ())):
            best = min(best, self.pack(Style.tight(target, depth, order)), key=len)
        return best

    def critical_path(self, batches: Sequence[Sequence[int]]) -> float:
        """Return the longest chain of `batches`, which come in order of rank, in seconds."""
        return self.chain(batches, [self.packer.length(batch) for batch in batches])

    def chain(self, batches: Sequence[Sequence[int]], lengths: Sequence[float]) -> float:
        """Return the longest chain of `batches` of `lengths` seconds, which come in order of rank, in seconds."""
        dependencies = self.problem.dependencies
        end = [0.0] * len(self.loads)
        for batch, length in zip(batches, lengths, strict=True):
            start = max((end[upstream] for task in batch for upstream in dependencies[task]), default=0.0)
            for task in batch:
                end[task] = start + length
        return max(end, default=0.0)


class _Run:
    """One pass over the ranks, from the last to the first.

    Lists of tasks are taken from their end. `_spare` holds, by group and level, the tasks nothing depends on, `_freed`
    those whose followers have all been placed.
    """

    def __init__(self, packing: FlatPacking, style: Style) -> None:
        self._packing = packing
        self._packer = packing.packer
        self._style = style
        self._target = style.target
        self._placed = bytearray(len(packing.problem))
        self._waiting = list(packing.graph.followers)
        self._spare: dict[tuple[int, int], list[int]] = {}
        self._freed: dict[tuple[int, int], list[int]] = {}
        for task in packing.spare(style.order):
            self._spare.setdefault((packing.groups[task], packing.graph.level[task]), []).append(task)

    def rank(self, rank: int) -> list[list[int]]:
        """Return the batches of `rank`; those of all higher ranks must have been made."""
        batches = []
        for group, tasks in sorted(self._packing.lines[rank].items()):
            for batch in self._of_group(rank, group, [task for task in reversed(tasks) if not self._placed[task]]):
                batches.append(batch)
                for task in batch:
                    self._placed[task] = 1
        for batch in batches:
            self._free(batch)
        return batches

    def _free(self, batch: Sequence[int]) -> None:
        """Note which tasks have all their followers placed now, so that they may fill lower ranks."""
        packing = self._packing
        for task in batch:
            for upstream in packing.problem.dependencies[task]:
                self._waiting[upstream] -= 1
                if not self._waiting[upstream]:
                    key = (packing.groups[upstream], packing.graph.level[upstream])
                    self._freed.setdefault(key, []).append(upstream)

    def _of_group(self, rank: int, group: int, tasks: Sequence[int]) -> Iterator[list[int]]:
        """Yield the batches of a rank that must take `tasks` and may take some of lower levels.

        What nothing waits for makes up batches of its own, which delay nobody. On the deepest levels, where it is
        little, it goes with the others instead.
        """
        height, style = self._packing.graph.height, self._style
        spare, freed = self._lower(self._spare, rank, group), self._lower(self._freed, rank, group)
        waited_for = [task for task in tasks if height[task] or rank >= style.sinks]
        last = self._spare.pop((group, rank), []) if rank < style.sinks else []
        long_last, last = self._without_long(last)
        shares = self._shares(last)
        yield from self._long(long_last, [*shares, *spare])
        yield from self._waited_for(rank, waited_for, [*spare, *shares, *freed])
        if style.order == "matched" and self._packing.lanes.useful:
            for share in shares:
                yield from self._matched(share)
        yield from self._packer.batches(self._target, shares, self._ordered, spare)

    def _shares(self, tasks: Sequence[int]) -> list[list[int]]:
        """Return `tasks` in parts that one task more hardly changes, each in the order of the style."""
        parts = self._packer.parted(self._target, sorted(tasks), self._packing.parts)
        return [self._ordered(part) for part in parts]

    def _ordered(self, tasks: Sequence[int]) -> list[int]:
        """Return `tasks`, which are sorted, in the order of the style, to be taken from the end."""
        return self._packing.ordered(tasks, self._style.order)

    def _matched(self, tasks: list[int]) -> Iterator[list[int]]:
        """Yield batches of `tasks` in mixes that fill a batch side by side; what is left over stays in `tasks`."""
        packing, target = self._packing, self._target
        batches, tasks[:] = packing.lanes.dealt(tasks, target)
        if not batches:
            return
        tasks[:] = packing.evenly(tasks)
        yield from [self._packer.mended(target, batch, tasks) for batch in batches]
        tasks[:] = packing.evenly(sorted(tasks))

    def _lower(self, kept: dict[tuple[int, int], list[int]], rank: int, group: int) -> list[list[int]]:
        """Return what is kept for levels below `rank`, the highest first: the lowest can still go everywhere."""
        levels = dict.fromkeys((*range(rank - 1, max(-1, rank - 1 - _NEAR), -1), *reversed(range(min(rank, _NEAR)))))
        return [tasks for level in levels if (tasks := kept.get((group, level)))]

    def _waited_for(self, rank: int, tasks: Sequence[int], stock: Sequence[list[int]]) -> Iterator[list[int]]:
        """Yield the batches for `tasks`, which others wait for: the deepest chains have batches of their own."""
        height, cut = self._packing.graph.height, self._style.cut
        long, line = self._without_long(tasks)
        yield from self._long(long, [*stock, line])
        yield from self._ordinary(rank, [task for task in line if rank + height[task] >= cut], stock)
        yield from self._ordinary(rank, [task for task in line if rank + height[task] < cut], stock)

    def _without_long(self, tasks: Sequence[int]) -> tuple[list[int], list[int]]:
        """Return the tasks of `tasks` that are longer than the target, and the others."""
        runtimes, target = self._packing.problem.runtimes, self._target
        return [task for task in tasks if runtimes[task] > target], [task for task in tasks if runtimes[task] <= target]

    def _long(self, long: list[int], stock: Sequence[list[int]]) -> Iterator[list[int]]:
        """Yield batches as long as their longest task: tasks above the target together, filled up with others."""
        runtimes = self._packing.problem.runtimes
        long.sort(key=lambda task: (runtimes[task], -task))
        while long:
            longest = long.pop()
            yield self._packer.batch(runtimes[longest], [longest], [long, *stock])

    def _ordinary(self, rank: int, line: list[int], stock: Sequence[list[int]]) -> Iterator[list[int]]:
        """Yield batches that use up `line`: full ones, and a last one filled from `stock` as far as the style says."""
        packer, target, level = self._packer, self._target, self._packing.graph.level
        left = self._packing.load(line)
        while line:
            if max(left, default=0.0) > target:
                batch = packer.batch(target, [line.pop()], [line, *stock])
            else:
                batch = packer.batch(target, [line.pop()], [line])
                short = max(packer.length(batch), self._style.fill * target)
                batch = packer.batch(target if line else short, batch, stock)
            yield batch
            # What was taken of the line is what it is shorter by; the sum of a long line is not made again.
            mine = self._packing.load([task for task in batch if level[task] == rank])
            left = [amount - taken for amount, taken in zip(left, mine, strict=True)]
