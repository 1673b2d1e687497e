"""Places the tasks of each level so that batches with long chains behind them start early and stay short."""

from collections.abc import Sequence

from canary_wf.batch.partition.flat import FlatPacking
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
