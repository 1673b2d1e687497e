"""Dependency graphs of jobs, batches or units of work: topological orders, closures, chains and cycles.

A graph is given by its nodes and a function that returns a node's direct upstreams. Upstreams that are not nodes of the
graph count as done. Nothing here is recursive, because chains may be long. Every answer depends only on the input and
its order, so that equal jobs give equal plans. `graphlib` guarantees neither the order nor which cycle it reports.
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from typing import TypeVar

N = TypeVar("N", bound=Hashable)


def dependents_of(nodes: Iterable[N], upstreams: Callable[[N], Iterable[N]]) -> dict[N, list[N]]:
    """Return for each upstream node the nodes that depend on it directly, in the order of `nodes`."""
    found: dict[N, list[N]] = {}
    for node in nodes:
        for upstream in upstreams(node):
            found.setdefault(upstream, []).append(node)
    return found


def topological(nodes: Iterable[N], upstreams: Callable[[N], Iterable[N]]) -> list[N]:
    """Return `nodes` so that each comes after its upstreams: first those without any, in the order given.

    What is on a cycle, or behind one, is missing; `cycle_in` names one then. An upstream may be given twice.
    """
    waits = dict.fromkeys(nodes, 0)
    dependents: dict[N, list[N]] = {}
    for node in waits:
        for upstream in upstreams(node):
            if upstream in waits:
                waits[node] += 1
                dependents.setdefault(upstream, []).append(node)
    order = [node for node, count in waits.items() if not count]
    for node in order:  # grows while it is walked
        for other in dependents.get(node, ()):
            waits[other] -= 1
            if not waits[other]:
                order.append(other)
    return order


def cycle_in(nodes: Collection[N], upstreams: Callable[[N], Iterable[N]], order: Iterable[N]) -> list[N]:
    """Return the nodes of a cycle, each before one that it depends on, given the `order` in which it is missing.

    It is the one that is met first on the way upstream from the first node that has no place in the order.
    """
    placed = set(order)
    node = next(node for node in nodes if node not in placed)
    left = set(nodes) - placed
    walked: dict[N, None] = {}
    while node not in walked:
        walked[node] = None
        node = next(upstream for upstream in upstreams(node) if upstream in left)
    path = list(walked)
    return path[path.index(node) :]


def downstream(roots: Iterable[N], dependents: Callable[[N], Iterable[N] | None]) -> dict[N, N]:
    """Return what depends on `roots`, directly or through others, each with the node through which it was reached.

    `dependents` returns the direct dependents of a node, None where there are none. The nearest come first; the
    roots are not among them.
    """
    todo = list(dict.fromkeys(roots))
    known = set(todo)
    found: dict[N, N] = {}
    for node in todo:  # grows while it is walked
        for other in dependents(node) or ():
            if other not in known:
                known.add(other)
                found[other] = node
                todo.append(other)
    return found


def levels(order: Iterable[int], upstreams: Sequence[Iterable[int]]) -> list[int]:
    """Return for each node, a number, the length of the longest chain before it, given a topological `order`."""
    found = [0] * len(upstreams)
    for node in order:
        for upstream in upstreams[node]:
            found[node] = max(found[node], found[upstream] + 1)
    return found


def components(upstreams: Sequence[Iterable[int]]) -> list[int]:
    """Return for each node, a number, the smallest one with which dependencies in any direction connect it."""
    root = list(range(len(upstreams)))
    for node, needed in enumerate(upstreams):
        for upstream in needed:
            one, other = _root_of(root, node), _root_of(root, upstream)
            root[max(one, other)] = min(one, other)
    return [_root_of(root, node) for node in range(len(upstreams))]


def _root_of(root: list[int], node: int) -> int:
    while root[node] != node:
        root[node] = root[root[node]]
        node = root[node]
    return node
