"""A graph of units of work and the order in which they may be done, for `canary_wf.multiprocess_scheduler`.

A cycle is refused with its vertices named. Building is linear: cycles are looked for once, when an iteration begins
(or by `check`), not with every vertex. The graph of e3-core (`e3.collection.dag.DAG`) is taken too, as it is found by
what it offers.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from heapq import heappop, heappush
from typing import Any, Generic, TypeVar, overload

from canary_wf.errors import CanaryWfError
from canary_wf.graph import cycle_in, topological

T = TypeVar("T")


class DAGError(CanaryWfError, ValueError):
    """The graph is not one that work can be ordered by."""


class DAG(Generic[T]):
    """Vertices with data, each with the vertices that come before it."""

    def __init__(self) -> None:
        self._data: dict[str, T] = {}
        self._predecessors: dict[str, list[str]] = {}

    def __contains__(self, uid: object) -> bool:
        return uid in self._data

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    @overload
    def add_vertex(
        self: "DAG[None]", uid: str, data: None = None, predecessors: Iterable[str] | None = None
    ) -> None: ...

    @overload
    def add_vertex(self, uid: str, data: T, predecessors: Iterable[str] | None = None) -> None: ...

    def add_vertex(self, uid: str, data: Any = None, predecessors: Iterable[str] | None = None) -> None:
        """Add a vertex. Raises DAGError when it is there already; predecessors may come later."""
        if uid in self._data:
            raise DAGError("is in the graph already", where=f"vertex {uid}")
        if isinstance(predecessors, str):
            raise DAGError(f"its predecessors must be a list, not {predecessors!r}", where=f"vertex {uid}")
        self._data[uid] = data
        self._predecessors[uid] = list(dict.fromkeys(predecessors or ()))

    def __getitem__(self, uid: str) -> T:
        return self._data[uid]

    def predecessors(self, uid: str) -> list[str]:
        """Return the vertices that come directly before `uid`."""
        return list(self._predecessors[uid])

    def check(self) -> list[str]:
        """Return the vertices in an order that respects all edges.

        Raises DAGError for a predecessor that is not there, and for a cycle, which it names.
        """
        _edges(self)
        order = topological(self, self._predecessors.__getitem__)
        if len(order) < len(self):
            cycle = cycle_in(self._data, self._predecessors.__getitem__, order)
            raise DAGError(f"the work depends on itself: {' → '.join([cycle[0], *reversed(cycle)])}")
        return order


def _edges(dag: DAG[T]) -> tuple[dict[str, int], dict[str, list[str]]]:
    """Return for each vertex how many come before it, and which come directly after it."""
    followers: dict[str, list[str]] = {uid: [] for uid in dag}
    waits = dict.fromkeys(dag, 0)
    for uid in dag:
        for before in dag.predecessors(uid):
            if before not in followers:
                raise DAGError(f"comes after {before!r}, which is not in the graph", where=f"vertex {uid}")
            followers[before].append(uid)
            waits[uid] += 1
    return waits, followers


def as_dag(graph: Any) -> DAG[Any]:  # noqa: ANN401 - checked here
    """Return `graph` if it is a `DAG`, else a copy of one that is like it or like e3-core's.

    Raises DAGError for anything else.
    """
    if isinstance(graph, DAG):
        return graph
    data, before = getattr(graph, "vertex_data", None), getattr(graph, "get_predecessors", None)
    if data is None:
        data, before = _like_ours(graph)
    if not isinstance(data, Mapping) or not callable(before):
        what = f"{type(graph).__name__} is not a graph of work"
        hint = "use canary_wf.multiprocess_scheduler.DAG, or e3.collection.dag.DAG"
        raise DAGError(what, where="dag", hint=hint)
    found: DAG[Any] = DAG()
    for uid, value in data.items():
        found.add_vertex(uid, value, before(uid))
    return found


def _like_ours(graph: Any) -> tuple[dict[str, Any] | None, Callable[[str], Iterable[str]] | None]:  # noqa: ANN401
    """Return data and predecessors of what offers what a `DAG` does, without being one; None for anything else."""
    if not all(hasattr(graph, name) for name in ("__iter__", "__getitem__", "predecessors")):
        return None, None
    return {uid: graph[uid] for uid in graph}, graph.predecessors


_MOST_IN_VAIN = 1000
"""Vertices that a loop may ask for in vain within a second: one that polls sleeps in between."""


class DAGIterator(Generic[T]):
    """Walks over a graph: a vertex is handed out when all before it have been left.

    `next` gives ``(uid, data)``, or ``(None, None)`` while all that is not handed out waits for vertices that are
    busy. The iteration stops when everything has been handed out; a loop that waits for busy vertices without a pause
    and leaves none raises DAGError. `runtime` gives the seconds a vertex takes; with it, the one with the longest path
    behind it comes first, else the order of addition holds.
    """

    def __init__(self, dag: DAG[T], runtime: Callable[[str, T], float] | None = None) -> None:
        dag = as_dag(dag)
        self._dag = dag
        order = dag.check()
        self._waits, self._followers = _edges(dag)
        self._rank = self._ranks(order, runtime)
        self._ready: list[tuple[float, int, str]] = []
        self._busy: set[str] = set()
        self._left = len(dag)
        self._number = {uid: number for number, uid in enumerate(dag)}
        for uid, count in self._waits.items():
            if not count:
                self._offer(uid)

    def _ranks(self, order: list[str], runtime: Callable[[str, T], float] | None) -> dict[str, float]:
        """Return the longest path (seconds) that begins with each vertex."""
        longest = dict.fromkeys(order, 0.0)
        if runtime is not None:
            for uid in reversed(order):
                behind = max((longest[follower] for follower in self._followers[uid]), default=0.0)
                longest[uid] = runtime(uid, self._dag[uid]) + behind
        return longest

    def _offer(self, uid: str) -> None:
        heappush(self._ready, (-self._rank[uid], self._number[uid], uid))

    def __iter__(self) -> Iterator[tuple[str, T] | tuple[None, None]]:
        in_vain, since = 0, 0.0
        while self._left:
            found = next(self)
            if found[0] is not None or not in_vain:
                in_vain, since = 0, time.monotonic()
            in_vain += 1
            if in_vain > _MOST_IN_VAIN and time.monotonic() - since < 1.0:
                where = f"vertex {next(iter(self._busy))}"
                raise DAGError("is waited for in a loop that does not leave it", where=where, hint="call leave(uid)")
            yield found

    def __next__(self) -> tuple[str, T] | tuple[None, None]:
        if not self._left:
            raise StopIteration
        if not self._ready:
            return None, None
        uid = heappop(self._ready)[2]
        self._left -= 1
        self._busy.add(uid)
        return uid, self._dag[uid]

    def put_back(self, uid: str) -> None:
        """Take back a vertex that was handed out and could not be begun."""
        self._busy.remove(uid)
        self._left += 1
        self._offer(uid)

    def leave(self, uid: str) -> None:
        """Say that the work of `uid` is done. Raises DAGError when it was not handed out."""
        if uid not in self._busy:
            raise DAGError("was not handed out", where=f"vertex {uid}")
        self._busy.remove(uid)
        for follower in self._followers[uid]:
            self._waits[follower] -= 1
            if not self._waits[follower]:
                self._offer(follower)
