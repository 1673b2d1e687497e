"""The flat layout: no task of a batch depends on another task of that batch.

Each batch has a rank, and every dependency lies in a batch of a lower rank, so the graph of batches is acyclic. Ranks
are the levels of the dependency graph. They are filled from the last to the first. A rank must take the tasks of its
own level that other tasks depend on. It is filled up with tasks of lower levels whose followers have all been placed.
Sinks (tasks that nothing depends on) can therefore fill a batch that a deep level alone would leave short, and batches
of sinks alone delay no other batch.
"""

from collections.abc import Iterator, Sequence
from zlib import crc32

from canary_wf.batch.capacity import occupancy
from canary_wf.batch.node_simulator import NodeSimulator
from canary_wf.batch.partition.columns import ColumnPacking
from canary_wf.batch.partition.graph import Graph, interleaved
from canary_wf.batch.partition.open_batch import Items
from canary_wf.batch.partition.packer import Measure, Packer
from canary_wf.batch.partition.packing_parameters import Order, PackingParameters
from canary_wf.batch.problem import Problem
from canary_wf.graph import components

FEW = 2000
"""Largest number of tasks for which several packings are compared although one is enough."""

FEW_BATCHES = 48
"""Largest number of batches for which this is done when tasks need several resources."""

_NEAR = 8
"""Number of levels at each end from which a batch is filled up. Examining all levels would be quadratic in a chain."""


class FlatPacking:
    """The flat packing of one problem, for any target. `same_nodes` separates tasks with different node counts."""

    def __init__(self, problem: Problem, graph: Graph, *, same_nodes: bool) -> None:
        shares, runtimes = occupancy(problem), problem.runtimes
        self.problem = problem
        self.graph = graph
        self.loads = [
            tuple([share * runtime for share in shares[shape]])
            for shape, runtime in zip(problem.shape_of, runtimes, strict=True)
        ]
        self.measure = self._measure()
        self.packer = Packer(Items.of(self.loads, runtimes), self.measure, returned=1 / 2)
        self.groups = problem.nodes if same_nodes else [0] * len(problem)
        self.hashes = [crc32(identity.encode()) for identity in problem.ids]
        self.columns = ColumnPacking(problem)
        self.by_level = self._by_level()
        self._sinks = [task for task, count in enumerate(graph.followers) if not count]
        self._spare: dict[Order, list[int]] = {}

    def spare(self, order: Order) -> list[int]:
        """Return the sinks, to be taken from the end."""
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
        """Order `tasks` so that any number taken from the end has the same mixture of lengths and widths."""
        return interleaved(tasks, self.loads, self.problem.runtimes)[::-1]

    def _measure(self) -> Measure:
        runtimes, simulator = self.problem.runtimes, NodeSimulator(self.problem)
        position = [0] * len(runtimes)
        for number, task in enumerate(sorted(range(len(runtimes)), key=lambda task: -runtimes[task])):
            position[task] = number

        def measure(tasks: Sequence[int], limit: float) -> tuple[float, list[int], list[int]]:
            order = sorted(tasks, key=position.__getitem__)
            length, starts = simulator.run(order, dependent=False)
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

    def _by_level(self) -> list[dict[int, list[int]]]:
        """Return the tasks of each level by group: lowest height first, and families side by side."""
        graph, family = self.graph, components(self.problem.dependencies)
        depth = [0] * len(family)
        for task, level in enumerate(graph.level):
            depth[family[task]] = max(depth[family[task]], level)
        by_level: list[dict[int, list[int]]] = [{} for _ in range(graph.depth)]
        for task in sorted(
            range(len(family)), key=lambda task: (graph.height[task], depth[family[task]], family[task])
        ):
            by_level[graph.level[task]].setdefault(self.groups[task], []).append(task)
        return by_level

    def load(self, tasks: Sequence[int]) -> list[float]:
        """Return the loads of `tasks` together, in seconds of each limited resource."""
        if not tasks:
            return [0.0] * len(self.loads[0])
        return [sum(column) for column in zip(*(self.loads[task] for task in tasks), strict=True)]

    def pack(self, parameters: PackingParameters) -> list[list[int]]:
        """Return the batches of one packing, lowest rank first.

        No batch is longer than the target or its longest task.
        """
        run = _Pass(self, parameters)
        ranks = [run.rank(rank) for rank in reversed(range(self.graph.depth))]
        return [batch for batches in reversed(ranks) for batch in batches]

    def tight(self, target: float) -> list[list[int]]:
        """Return the fewest batches that any order gives for `target`. Large problems are packed in one order only.

        A small number of batches cannot hold all patterns of shapes, so an order without patterns may be better.
        """
        depth, small = self.graph.depth, len(self.loads) <= FEW
        best = self.pack(PackingParameters.tight(target, depth, "matched"))
        more: list[Order] = ["mixed"] if self.columns.useful and (small or len(best) <= FEW_BATCHES) else []
        for order in (*more, *(("longest", "narrowest") if small else ())):
            best = min(best, self.pack(PackingParameters.tight(target, depth, order)), key=len)
        return best

    def critical_path(self, batches: Sequence[Sequence[int]]) -> float:
        """Return the length in seconds of the longest chain of `batches`, which are in order of rank."""
        return self.chain(batches, [self.packer.length(batch) for batch in batches])

    def chain(self, batches: Sequence[Sequence[int]], lengths: Sequence[float]) -> float:
        """Return the length in seconds of the longest chain of `batches` (in order of rank) with `lengths`."""
        dependencies = self.problem.dependencies
        end = [0.0] * len(self.loads)
        for batch, length in zip(batches, lengths, strict=True):
            start = max((end[upstream] for task in batch for upstream in dependencies[task]), default=0.0)
            for task in batch:
                end[task] = start + length
        return max(end, default=0.0)


class _Pass:
    """One pass over the ranks, from the last to the first.

    Tasks are taken from the ends of lists. By group and level, `_spare` holds the sinks and `_freed` the tasks whose
    followers have all been placed.
    """

    def __init__(self, packing: FlatPacking, parameters: PackingParameters) -> None:
        self._packing = packing
        self._packer = packing.packer
        self._parameters = parameters
        self._target = parameters.target
        self._placed = bytearray(len(packing.problem))
        self._waiting = list(packing.graph.followers)
        self._spare: dict[tuple[int, int], list[int]] = {}
        self._freed: dict[tuple[int, int], list[int]] = {}
        for task in packing.spare(parameters.order):
            self._spare.setdefault((packing.groups[task], packing.graph.level[task]), []).append(task)

    def rank(self, rank: int) -> list[list[int]]:
        """Return the batches of `rank`. The batches of all higher ranks must have been made."""
        batches = []
        for group, tasks in sorted(self._packing.by_level[rank].items()):
            for batch in self._of_group(rank, group, [task for task in reversed(tasks) if not self._placed[task]]):
                batches.append(batch)
                for task in batch:
                    self._placed[task] = 1
        for batch in batches:
            self._free(batch)
        return batches

    def _free(self, batch: Sequence[int]) -> None:
        """Record which tasks now have all their followers placed. They may fill lower ranks."""
        packing = self._packing
        for task in batch:
            for upstream in packing.problem.dependencies[task]:
                self._waiting[upstream] -= 1
                if not self._waiting[upstream]:
                    key = (packing.groups[upstream], packing.graph.level[upstream])
                    self._freed.setdefault(key, []).append(upstream)

    def _of_group(self, rank: int, group: int, tasks: Sequence[int]) -> Iterator[list[int]]:
        """Yield the batches of a rank that must take `tasks` and may take tasks of lower levels.

        Sinks make batches of their own, which delay no other batch. On the deepest levels there are few sinks, so they
        share batches with the other tasks.
        """
        height, parameters = self._packing.graph.height, self._parameters
        spare, freed = self._lower(self._spare, rank, group), self._lower(self._freed, rank, group)
        waited_for = [task for task in tasks if height[task] or rank >= parameters.sinks]
        last = self._spare.pop((group, rank), []) if rank < parameters.sinks else []
        long_last, last = self._without_long(last)
        shares = self._shares(last)
        yield from self._long(long_last, [*shares, *spare])
        yield from self._waited_for(rank, waited_for, [*spare, *shares, *freed])
        if parameters.order == "matched" and self._packing.columns.useful:
            for share in shares:
                yield from self._matched(share)
        yield from self._packer.batches(self._target, shares, self._ordered, spare)

    def _shares(self, tasks: Sequence[int]) -> list[list[int]]:
        """Split `tasks` into parts that change little with one more task, each in the order of the parameters."""
        hashes = self._packer.split(self._target, sorted(tasks), self._packing.hashes)
        return [self._ordered(part) for part in hashes]

    def _ordered(self, tasks: Sequence[int]) -> list[int]:
        """Return `tasks`, which are sorted, in the order of the parameters, to be taken from the end."""
        return self._packing.ordered(tasks, self._parameters.order)

    def _matched(self, tasks: list[int]) -> Iterator[list[int]]:
        """Yield batches of `tasks` in patterns that fill a batch side by side. The remaining tasks stay in `tasks`."""
        packing, target = self._packing, self._target
        batches, tasks[:] = packing.columns.pack(tasks, target)
        if not batches:
            return
        tasks[:] = packing.evenly(tasks)
        yield from [self._packer.repaired(target, batch, tasks) for batch in batches]
        tasks[:] = packing.evenly(sorted(tasks))

    def _lower(self, kept: dict[tuple[int, int], list[int]], rank: int, group: int) -> list[list[int]]:
        """Return the lists in `kept` of levels below `rank`, highest first: the lowest can still go into any rank."""
        levels = dict.fromkeys((*range(rank - 1, max(-1, rank - 1 - _NEAR), -1), *reversed(range(min(rank, _NEAR)))))
        return [tasks for level in levels if (tasks := kept.get((group, level)))]

    def _waited_for(self, rank: int, tasks: Sequence[int], stock: Sequence[list[int]]) -> Iterator[list[int]]:
        """Yield the batches for `tasks`, which other tasks depend on. The deepest chains get batches of their own."""
        height, cut = self._packing.graph.height, self._parameters.cut
        long, queue = self._without_long(tasks)
        yield from self._long(long, [*stock, queue])
        yield from self._ordinary(rank, [task for task in queue if rank + height[task] >= cut], stock)
        yield from self._ordinary(rank, [task for task in queue if rank + height[task] < cut], stock)

    def _without_long(self, tasks: Sequence[int]) -> tuple[list[int], list[int]]:
        """Split `tasks` into those that are longer than the target, and the others."""
        runtimes, target = self._packing.problem.runtimes, self._target
        return [task for task in tasks if runtimes[task] > target], [task for task in tasks if runtimes[task] <= target]

    def _long(self, long: list[int], stock: Sequence[list[int]]) -> Iterator[list[int]]:
        """Yield batches that are as long as their longest task: tasks longer than the target, filled up with others."""
        runtimes = self._packing.problem.runtimes
        long.sort(key=lambda task: (runtimes[task], -task))
        while long:
            longest = long.pop()
            yield self._packer.batch(runtimes[longest], [longest], [long, *stock])

    def _ordinary(self, rank: int, queue: list[int], stock: Sequence[list[int]]) -> Iterator[list[int]]:
        """Yield full batches of `queue`, and a last batch filled from `stock` as far as the parameters say."""
        packer, target, level = self._packer, self._target, self._packing.graph.level
        left = self._packing.load(queue)
        while queue:
            if max(left, default=0.0) > target:
                batch = packer.batch(target, [queue.pop()], [queue, *stock])
            else:
                batch = packer.batch(target, [queue.pop()], [queue])
                short = max(packer.length(batch), self._parameters.fill * target)
                batch = packer.batch(target if queue else short, batch, stock)
            yield batch
            # Subtract what was taken. Summing the load of a long queue again would take too long.
            taken_load = self._packing.load([task for task in batch if level[task] == rank])
            left = [amount - taken for amount, taken in zip(left, taken_load, strict=True)]
