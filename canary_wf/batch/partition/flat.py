"""The flat layout: no task of a batch depends on another one of it.

Each batch has a rank, and every dependency lies in a batch of a lower rank, so the graph of batches is acyclic. Ranks
are the levels of the dependency graph; they are filled from the last one down. A rank must take the tasks of its own
level that are left; tasks of lower levels whose followers have all been placed are its filling. What nothing waits for
can so make up a batch that a deep level alone would leave short, and the rest stays as early as it can.
"""

from collections.abc import Iterator, Sequence

from canary_wf.batch.capacity import rates
from canary_wf.batch.partition.draft import Items
from canary_wf.batch.partition.graph import Graph, families
from canary_wf.batch.partition.order import interleaved
from canary_wf.batch.partition.packer import Measure, Packer
from canary_wf.batch.partition.style import Style
from canary_wf.batch.schedule import Machine
from canary_wf.batch.task import Problem

_NEAR = 8
"""Levels at each end that filling is taken from; looking at all would be quadratic in a chain."""


class FlatPacking:
    """The flat packing of one problem, for any target; `same_nodes` keeps tasks with other node counts apart."""

    def __init__(self, problem: Problem, graph: Graph, *, same_nodes: bool) -> None:
        shares, runtimes = rates(problem), problem.runtimes
        self.problem = problem
        self.graph = graph
        self.loads = [
            tuple([share * runtime for share in shares[kind]])
            for kind, runtime in zip(problem.kinds, runtimes, strict=True)
        ]
        self.packer = Packer(Items.of(self.loads, runtimes), self._measure())
        self.groups = problem.nodes if same_nodes else [0] * len(problem)
        self.lines = self._lines()
        self.spare = interleaved(
            [task for task, count in enumerate(graph.followers) if not count], self.loads, runtimes
        )
        self.spare.reverse()

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

    def critical_path(self, batches: Sequence[Sequence[int]]) -> float:
        """Return the longest chain of `batches`, which come in order of rank, in seconds."""
        end = [0.0] * len(self.loads)
        longest = 0.0
        for batch in batches:
            start = max((end[upstream] for task in batch for upstream in self.problem.dependencies[task]), default=0.0)
            finish = start + self.packer.length(batch)
            longest = max(longest, finish)
            for task in batch:
                end[task] = finish
        return longest


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
        for task in packing.spare:
            self._spare.setdefault((packing.groups[task], packing.graph.level[task]), []).append(task)

    def rank(self, rank: int) -> list[list[int]]:
        """Return the batches of `rank`; those of all higher ranks must have been made."""
        batches = []
        for group, tasks in sorted(self._packing.lines[rank].items()):
            line = [task for task in reversed(tasks) if not self._placed[task]]
            for batch in self._lowest(group, line) if rank == 0 else self._higher(rank, group, line):
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

    def _lowest(self, group: int, line: list[int]) -> Iterator[list[int]]:
        """Yield the batches of rank 0: everything that is left."""
        height = self._packing.graph.height
        single = [task for task in self._spare.get((group, 0), ()) if not self._placed[task]]
        yield from self._waited_for(0, [task for task in line if height[task]], single, [])
        while single:
            yield self._packer.batch(self._target, [single.pop()], [single])

    def _higher(self, rank: int, group: int, line: list[int]) -> Iterator[list[int]]:
        """Yield the batches of a rank that must take the tasks of `line` and may take some of lower levels."""
        height = self._packing.graph.height
        stock = []
        for level in dict.fromkeys((*range(min(rank, _NEAR)), *range(max(0, rank - _NEAR), rank))):
            stock += [tasks for kind in (self._spare, self._freed) if (tasks := kind.get((group, level)))]
        if self._style.tight:
            yield from self._waited_for(rank, line, [], stock)
            return
        last = [task for task in line if not height[task]]
        yield from self._waited_for(rank, [task for task in line if height[task]], last, stock)
        yield from self._ordinary(rank, last, stock, fill=self._style.fills_last(rank))

    def _waited_for(
        self, rank: int, tasks: list[int], last: list[int], stock: Sequence[list[int]]
    ) -> Iterator[list[int]]:
        """Yield the batches for `tasks`, which others wait for, and for all that are longer than the target.

        The deepest chains have batches of their own, which are short because they are few; what nothing waits for
        (`last`) fills up where it delays nobody.
        """
        graph, style = self._packing.graph, self._style
        long_last, last[:] = self._without_long(last)
        long, line = self._without_long(tasks)
        # What stands alone is the first to fill up: it brings no other batch to wait for.
        if style.tight:
            yield from self._long(long_last + long, [*stock, last, line])
        else:
            yield from self._long(long_last, [*stock, last])
            yield from self._long(long, [*stock, last])
        deep = [task for task in line if rank + graph.height[task] >= style.cut]
        if deep:
            yield from self._ordinary(rank, deep, [last, *stock], fill=style.tight)
            line = [task for task in line if rank + graph.height[task] < style.cut]
        yield from self._ordinary(rank, line, [last, *stock], fill=style.fills_line(rank, graph.depth))

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

    def _ordinary(self, rank: int, line: list[int], stock: Sequence[list[int]], *, fill: bool) -> Iterator[list[int]]:
        """Yield batches that use up `line`; `fill` says whether the last one, too, is filled from `stock`."""
        packer, target, level = self._packer, self._target, self._packing.graph.level
        left = self._packing.load(line)
        while line:
            if fill or max(left, default=0.0) > target:
                batch = packer.batch(target, [line.pop()], [line, *stock])
            else:
                batch = packer.batch(target, [line.pop()], [line])
                batch = packer.batch(target if line else packer.length(batch), batch, stock)
            yield batch
            # What was taken of the line is what it is shorter by; the sum of a long line is not made again.
            mine = self._packing.load([task for task in batch if level[task] == rank])
            left = [amount - taken for amount, taken in zip(left, mine, strict=True)]
