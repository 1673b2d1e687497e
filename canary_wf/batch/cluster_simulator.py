"""Event simulator of a cluster: when each batch starts and ends on K nodes, and the longest chain of batches.

A batch takes one node, or more if its jobs do. It waits for the batches it depends on, and for free nodes. The ready
batch with the longest chain of batches behind it starts first, as in the schedule inside a batch.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import heappop, heappush
from operator import add

import msgspec

from canary_wf.batch.ready_queue import ReadyQueue
from canary_wf.errors import InputError
from canary_wf.graph import dependents_of, topological


class ClusterRun(msgspec.Struct, frozen=True):
    """When batches run, in seconds after the first submission: the makespan, and the start and end of each batch."""

    makespan: float
    starts: tuple[float, ...]
    ends: tuple[float, ...]


def critical_path(lengths: Sequence[float], dependencies: Sequence[Sequence[int]]) -> float:
    """Return the longest chain of batches in seconds: the makespan on an unlimited cluster.

    `dependencies[batch]` are the batches that must be done before `batch`. Raises InputError for a cycle.
    """
    before = _before(lengths, dependencies.__getitem__)
    return max(map(add, lengths, before), default=0.0)


def run_on_cluster(
    lengths: Sequence[float],
    dependencies: Sequence[Sequence[int]],
    *,
    nodes: int | None = None,
    widths: Sequence[int] | None = None,
) -> ClusterRun:
    """Return the run of batches with `lengths` in seconds on a cluster of `nodes` nodes (None: unlimited).

    `widths` are the numbers of nodes that the batches take (default 1). Raises InputError for a cycle, and for a batch
    that needs more nodes than the cluster has.
    """
    wide = [1] * len(lengths) if widths is None else list(widths)
    free = sum(wide) if nodes is None else nodes
    for batch, width in enumerate(wide):
        if width > free:
            raise InputError(f"batch {batch} needs {width} nodes, the cluster has {free}")
    followed = dependents_of(range(len(lengths)), dependencies.__getitem__)
    behind = _before(lengths, lambda batch: followed.get(batch, ()))
    order = sorted(range(len(lengths)), key=lambda batch: (-behind[batch] - lengths[batch], batch))
    run = _Run(order, lengths, wide, free, dependencies)
    return run.play(followed)


class _Run:
    """One simulation. The number of a batch is its position in the order of starting."""

    def __init__(
        self,
        order: list[int],
        lengths: Sequence[float],
        wide: Sequence[int],
        free: int,
        dependencies: Sequence[Sequence[int]],
    ) -> None:
        self._order = order
        self._lengths = lengths
        self._wide = wide
        self._free = free
        self._waits = [len(set(upstream)) for upstream in dependencies]
        self._position = {batch: number for number, batch in enumerate(order)}
        self._queue = ReadyQueue(classes=[wide[batch] for batch in order])

    def play(self, followed: Mapping[int, Sequence[int]]) -> ClusterRun:
        """Return the run, given the batches by which each one is `followed`."""
        count = len(self._order)
        starts, ends = [-1.0] * count, [0.0] * count
        for batch, waits in enumerate(self._waits):
            if not waits:
                self._queue.push(self._position[batch])
        running: list[tuple[float, int]] = []
        now = 0.0
        while True:
            for number in self._queue.take(lambda number: self._wide[self._order[number]] <= self._free):
                batch = self._order[number]
                self._free -= self._wide[batch]
                starts[batch], ends[batch] = now, now + self._lengths[batch]
                heappush(running, (ends[batch], batch))
            if not running:
                return ClusterRun(max(ends, default=0.0), tuple(starts), tuple(ends))
            now = running[0][0]
            while running and running[0][0] <= now:
                batch = heappop(running)[1]
                self._free += self._wide[batch]
                self._let_go_on(followed.get(batch, ()))

    def _let_go_on(self, batches: Sequence[int]) -> None:
        for follower in set(batches):
            self._waits[follower] -= 1
            if not self._waits[follower]:
                self._queue.push(self._position[follower])


def _before(lengths: Sequence[float], upstreams: Callable[[int], Iterable[int]]) -> list[float]:
    """Return for each batch the length of the longest chain before it, in seconds."""
    order = topological(range(len(lengths)), upstreams)
    if len(order) < len(lengths):
        raise InputError("the batches depend on one another in a cycle")
    before = [0.0] * len(lengths)
    for batch in order:
        before[batch] = max((before[upstream] + lengths[upstream] for upstream in upstreams(batch)), default=0.0)
    return before
