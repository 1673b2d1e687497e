"""Bounds that need no packing: how many batches there must be, and how short the longest can be."""

import math
from collections.abc import Iterable, Sequence

from canary_wf.batch.capacity import occupancy, rates
from canary_wf.batch.partition.graph import Graph, graph_of
from canary_wf.batch.problem import Problem
from canary_wf.batch.specification import Layout

_ROUNDING = 1e-9


def work(problem: Problem) -> list[float]:
    """Return for each limited resource the seconds for which all tasks together fill one whole batch."""
    return _filled(problem, rates(problem))


def _filled(problem: Problem, shares: Sequence[tuple[float, ...]]) -> list[float]:
    seconds = [0.0] * len(shares)
    for kind, runtime in zip(problem.kinds, problem.runtimes, strict=True):
        seconds[kind] += runtime
    columns = zip(*shares, strict=True)
    return [math.fsum(share * total for share, total in zip(column, seconds, strict=True)) for column in columns]


def nominal_batches(problem: Problem, duration: float, layout: Layout) -> int:
    """Return how many batches of `duration` seconds the work fills.

    It is the largest over the resource types of work divided by what one batch can do, rounded up, and with the flat
    layout at least the depth of the dependency graph. A problem with tasks has at least one batch.
    """
    if not len(problem):
        return 0
    filled = math.ceil(max(work(problem), default=0.0) / duration - _ROUNDING)
    return max(1, filled, graph_of(problem).depth if layout == "flat" else 0)


def length_bound(problem: Problem, count: int, indivisible: Iterable[float]) -> float:
    """Return a length in seconds below which `count` batches cannot all be: the mean load, or the longest item.

    A task beside which nothing else can run loads every resource.
    """
    return max(max(_filled(problem, occupancy(problem)), default=0.0) / count, max(indivisible, default=0.0))


def smallest_count(problem: Problem, graph: Graph, *, same_nodes: bool) -> int:
    """Return a number of flat batches that is surely enough.

    It is exact, namely the depth of the graph, unless `same_nodes`; then it is one batch for each level and each
    number of nodes asked for on it.
    """
    if not same_nodes:
        return graph.depth
    return len(set(zip(graph.level, problem.nodes, strict=True)))
