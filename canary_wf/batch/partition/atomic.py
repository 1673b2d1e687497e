"""The atomic layout: a batch holds whole dependency components, and no batch depends on another one."""

from collections.abc import Sequence
from zlib import crc32

from canary_wf.batch.capacity import occupancy
from canary_wf.batch.node_simulator import Machine
from canary_wf.batch.partition.graph import families, interleaved
from canary_wf.batch.partition.open_batch import Items
from canary_wf.batch.partition.packer import Measure, Packer
from canary_wf.batch.problem import Problem
from canary_wf.batch.reference_schedule import reference_order

HALF = 0.5 + 1e-9


class AtomicPacking:
    """The atomic packing of one problem, for any target; the items are components."""

    def __init__(self, problem: Problem) -> None:
        members: dict[int, list[int]] = {}
        for task, family in enumerate(families(problem)):
            members.setdefault(family, []).append(task)
        self.components = list(members.values())
        self._problem = problem
        self._of_task = [0] * len(problem)
        for item, tasks in enumerate(self.components):
            for task in tasks:
                self._of_task[task] = item
        self._place = [0] * len(problem)
        for number, task in enumerate(reference_order(problem, range(len(problem)))):
            self._place[task] = number
        self._machine = Machine(problem)
        self.alone = [
            self._play(tasks)[0] if len(tasks) > 1 else problem.runtimes[tasks[0]] for tasks in self.components
        ]
        self._items = Items.of(self._loads(), self.alone)
        widest = [max(share, default=0.0) for share in occupancy(problem)]
        self.weight = [widest[kind] * runtime for kind, runtime in zip(problem.kinds, problem.runtimes, strict=True)]
        self._wide = [
            len(tasks) > 1 and any(widest[problem.kinds[task]] > HALF for task in tasks) for tasks in self.components
        ]
        self._parts = [crc32(problem.ids[tasks[0]].encode()) for tasks in self.components]
        self._line = self._evenly(range(len(self.components)))

    def pack(self, target: float, *, together: bool) -> list[list[int]]:
        """Return the batches, as lists of tasks, for `target` seconds: those longer than the target come first.

        Components with a task that takes more than half a node are kept together: where smaller ones leave no moment
        for it, what waits for it comes late, and everywhere else the schedule stays dense.

        A component longer than the target stays alone, or with `together` gets others beside it as long as they do
        not make the batch longer.
        """
        alone = self.alone
        # A given count takes several packings of large batches, in which a little too much given back matters less.
        packer = Packer(self._items, self._measure(), returned=1 / 2 if together else 1 / 6)
        line = [item for item in self._line if alone[item] <= target]
        long = sorted((item for item in self._line if alone[item] > target), key=lambda item: (alone[item], -item))
        batches = []
        while long:
            longest = long.pop()
            sources = [long, line] if together else []
            batches.append(packer.batch(alone[longest], [longest], sources))
        wide = [item for item in line if self._wide[item]]
        line = [item for item in line if not self._wide[item]]
        while wide:
            batches.append(packer.batch(target, [wide.pop()], [wide, line]))
        shares = [self._evenly(share) for share in packer.parted(target, sorted(line), self._parts)]
        batches.extend(packer.batches(target, shares, self._evenly, ()))
        return [[task for item in batch for task in self.components[item]] for batch in batches]

    def _evenly(self, items: Sequence[int]) -> list[int]:
        """Return `items` so that what is taken from the end has always the same mixture of long and short, of wide."""
        return interleaved(items, self._items.loads, self.alone)[::-1]

    def _loads(self) -> list[tuple[float, ...]]:
        shares, kinds, runtimes = occupancy(self._problem), self._problem.kinds, self._problem.runtimes
        loads = []
        for tasks in self.components:
            used = [0.0] * len(shares[0])
            for task in tasks:
                for place, share in enumerate(shares[kinds[task]]):
                    used[place] += share * runtimes[task]
            loads.append(tuple(used))
        return loads

    def _play(self, tasks: Sequence[int]) -> tuple[float, list[int], list[float]]:
        order = sorted(tasks, key=self._place.__getitem__)
        length, starts = self._machine.play(order, dependent=True)
        return length, order, starts

    def _measure(self) -> Measure:
        runtimes, of_task = self._problem.runtimes, self._of_task

        def measure(items: Sequence[int], limit: float) -> tuple[float, list[int], list[int]]:
            length, order, starts = self._play([task for item in items for task in self.components[item]])
            if length <= limit:
                return length, [], []
            last: dict[int, float] = {}
            for task, start in zip(order, starts, strict=True):
                if start + runtimes[task] > limit:
                    last[of_task[task]] = max(start, last.get(of_task[task], 0.0))
            late = sorted(last, key=lambda item: (-last[item], item))
            # A component that starts beyond the limit altogether is rare; they all count as straddling.
            return length, [], late

        return measure
