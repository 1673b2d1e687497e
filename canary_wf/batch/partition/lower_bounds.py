"""Lower bounds that need no packing: on the number of batches, and on the length of the longest batch."""

import math
from collections.abc import Iterable, Sequence

from canary_wf.batch.capacity import occupancy, rates
from canary_wf.batch.partition.graph import Graph, graph_of
from canary_wf.batch.problem import Problem
from canary_wf.batch.specification import Layout

_ROUNDING = 1e-9


def work(problem: Problem) -> list[float]:
    """Return for each limited resource for how many seconds all tasks together fill one whole batch."""
    return _filled(problem, rates(problem))


def _filled(problem: Problem, shares: Sequence[tuple[float, ...]]) -> list[float]:
    seconds = [0.0] * len(shares)
    for shape, runtime in zip(problem.shape_of, problem.runtimes, strict=True):
        seconds[shape] += runtime
    columns = zip(*shares, strict=True)
    return [math.fsum(share * total for share, total in zip(column, seconds, strict=True)) for column in columns]


def nominal_batches(problem: Problem, duration: float, layout: Layout) -> int:
    """Return how many batches of `duration` seconds the work fills.

    It is the work on the scarcest resource divided by what one batch can do, rounded up. With the flat layout it is at
    least the depth of the dependency graph. A problem with tasks has at least one batch.
    """
    if not len(problem):
        return 0
    filled = math.ceil(max(work(problem), default=0.0) / duration - _ROUNDING)
    return max(1, filled, graph_of(problem).depth if layout == "flat" else 0)


def length_bound(problem: Problem, count: int, indivisible: Iterable[float]) -> float:
    """Return a lower bound in seconds on the longest of `count` batches: the mean load, or the longest item.

    A task beside which no other task can run loads every resource.
    """
    return max(max(_filled(problem, occupancy(problem)), default=0.0) / count, max(indivisible, default=0.0))


def smallest_count(problem: Problem, graph: Graph, *, same_nodes: bool) -> int:
    """Return a number of flat batches that is always enough.

    Without `same_nodes` it is the depth of the graph, which is the exact minimum. With `same_nodes` it is one batch for
    each level and each number of nodes asked for on it.
    """
    if not same_nodes:
        return graph.depth
    return len(set(zip(graph.level, problem.nodes, strict=True)))
