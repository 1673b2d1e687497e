"""The atomic layout: a batch holds whole dependency components, and no batch depends on another batch."""

from collections.abc import Sequence
from zlib import crc32

from canary_wf.batch.capacity import occupancy
from canary_wf.batch.node_simulator import NodeSimulator
from canary_wf.batch.partition.graph import interleaved
from canary_wf.batch.partition.open_batch import Items
from canary_wf.batch.partition.packer import Measure, Packer
from canary_wf.batch.problem import Problem
from canary_wf.batch.reference_order import reference_order
from canary_wf.graph import components

HALF = 0.5 + 1e-9


class AtomicPacking:
    """The atomic packing of one problem, for any target. The items are components."""

    def __init__(self, problem: Problem) -> None:
        members: dict[int, list[int]] = {}
        for task, family in enumerate(components(problem.dependencies)):
            members.setdefault(family, []).append(task)
        self.components = list(members.values())
        self._problem = problem
        self._of_task = [0] * len(problem)
        for item, tasks in enumerate(self.components):
            for task in tasks:
                self._of_task[task] = item
        self._position = [0] * len(problem)
        for number, task in enumerate(reference_order(problem, range(len(problem)))):
            self._position[task] = number
        self._simulator = NodeSimulator(problem)
        self.alone = [
            self._simulate(tasks)[0] if len(tasks) > 1 else problem.runtimes[tasks[0]] for tasks in self.components
        ]
        self._items = Items.of(self._loads(), self.alone)
        widest = [max(share, default=0.0) for share in occupancy(problem)]
        self.weight = [
            widest[shape] * runtime for shape, runtime in zip(problem.shape_of, problem.runtimes, strict=True)
        ]
        self._wide = [
            len(tasks) > 1 and any(widest[problem.shape_of[task]] > HALF for task in tasks) for tasks in self.components
        ]
        self._hashes = [crc32(problem.ids[tasks[0]].encode()) for tasks in self.components]
        self._queue = self._evenly(range(len(self.components)))

    def pack(self, target: float, *, together: bool) -> list[list[int]]:
        """Return the batches for `target` seconds, as lists of tasks. Batches longer than the target come first.

        Components with a task that takes more than half a node are packed together. Smaller tasks may leave no room for
        such a task for a long time, and all tasks behind it then come late. The schedules of the other batches stay
        dense.

        A component longer than the target stays alone. With `together`, others are added to it as long as they do not
        make the batch longer.
        """
        alone = self.alone
        # A given count takes several packings of large batches, where giving back slightly too much matters less.
        packer = Packer(self._items, self._measure(), returned=1 / 2 if together else 1 / 6)
        queue = [item for item in self._queue if alone[item] <= target]
        long = sorted((item for item in self._queue if alone[item] > target), key=lambda item: (alone[item], -item))
        batches = []
        while long:
            longest = long.pop()
            sources = [long, queue] if together else []
            batches.append(packer.batch(alone[longest], [longest], sources))
        wide = [item for item in queue if self._wide[item]]
        queue = [item for item in queue if not self._wide[item]]
        while wide:
            batches.append(packer.batch(target, [wide.pop()], [wide, queue]))
        parts = [self._evenly(share) for share in packer.split(target, sorted(queue), self._hashes)]
        batches.extend(packer.batches(target, parts, self._evenly, ()))
        return [[task for item in batch for task in self.components[item]] for batch in batches]

    def _evenly(self, items: Sequence[int]) -> list[int]:
        """Order `items` so that any number taken from the end has the same mixture of lengths and widths."""
        return interleaved(items, self._items.loads, self.alone)[::-1]

    def _loads(self) -> list[tuple[float, ...]]:
        parts, shape_of, runtimes = occupancy(self._problem), self._problem.shape_of, self._problem.runtimes
        loads = []
        for tasks in self.components:
            used = [0.0] * len(parts[0])
            for task in tasks:
                for position, share in enumerate(parts[shape_of[task]]):
                    used[position] += share * runtimes[task]
            loads.append(tuple(used))
        return loads

    def _simulate(self, tasks: Sequence[int]) -> tuple[float, list[int], list[float]]:
        order = sorted(tasks, key=self._position.__getitem__)
        length, starts = self._simulator.run(order, dependent=True)
        return length, order, starts

    def _measure(self) -> Measure:
        runtimes, of_task = self._problem.runtimes, self._of_task

        def measure(items: Sequence[int], limit: float) -> tuple[float, list[int], list[int]]:
            length, order, starts = self._simulate([task for item in items for task in self.components[item]])
            if length <= limit:
                return length, [], []
            last: dict[int, float] = {}
            for task, start in zip(order, starts, strict=True):
                if start + runtimes[task] > limit:
                    last[of_task[task]] = max(start, last.get(of_task[task], 0.0))
            late = sorted(last, key=lambda item: (-last[item], item))
            # A component rarely starts beyond the limit, so all late components count as straddling.
            return length, [], late

        return measure
