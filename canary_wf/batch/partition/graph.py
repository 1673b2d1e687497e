"""The dependency graph of a problem: levels and heights; and an even order."""

import math
from collections.abc import Sequence

import msgspec

from canary_wf.batch.problem import Problem, Shape
from canary_wf.errors import InputError
from canary_wf.graph import cycle_in, levels, topological


class Graph(msgspec.Struct, frozen=True):
    """The dependencies, as partitioning needs them.

    By task: `level` (the longest chain of tasks before it), `height` (the longest chain behind it) and `followers`
    (the number of tasks that depend on it). `depth` is the number of levels. `order` is a topological order.
    """

    level: list[int]
    height: list[int]
    followers: list[int]
    order: list[int]
    depth: int


def canonical(problem: Problem) -> tuple[Problem, list[int]]:
    """Return `problem` with tasks sorted by id and shapes sorted by demand, and the old index of each task.

    Equal sets of tasks then give equal problems, whatever their order was.
    """
    order = sorted(range(len(problem)), key=problem.ids.__getitem__)
    by_demand = sorted(range(len(problem.shapes)), key=lambda shape: _asks_for(problem.shapes[shape]))
    if order == list(range(len(problem))) and by_demand == list(range(len(by_demand))):
        return problem, order
    shape_now = dict(zip(by_demand, range(len(by_demand)), strict=True))
    place = [0] * len(order)
    for new, old in enumerate(order):
        place[old] = new
    return Problem(
        types=problem.types,
        capacity=problem.capacity,
        shapes=tuple(problem.shapes[shape] for shape in by_demand),
        ids=[problem.ids[old] for old in order],
        shape_of=[shape_now[problem.shape_of[old]] for old in order],
        runtimes=[problem.runtimes[old] for old in order],
        dependencies=[
            tuple(sorted([place[upstream] for upstream in problem.dependencies[old]]))
            if problem.dependencies[old]
            else ()
            for old in order
        ],
        nodes=[problem.nodes[old] for old in order],
    ), order


def _asks_for(shape: Shape) -> tuple[tuple[float, ...], bool]:
    return tuple(shape.demand), shape.whole


def graph_of(problem: Problem) -> Graph:
    """Return the graph of `problem`; raises InputError that names a job when dependencies form a cycle."""
    order = ordered(problem.ids, problem.dependencies)
    level = levels(order, problem.dependencies)
    height, behind = [0] * len(order), [0] * len(order)
    for task in reversed(order):
        for upstream in problem.dependencies[task]:
            behind[upstream] += 1
            height[upstream] = max(height[upstream], height[task] + 1)
    return Graph(level, height, behind, order, max(level, default=-1) + 1)


def ordered(ids: Sequence[str], dependencies: Sequence[Sequence[int]]) -> list[int]:
    """Return the numbers of jobs so that each comes after its `dependencies`.

    Raises InputError that names one by its id when these form a cycle.
    """
    order = topological(range(len(ids)), dependencies.__getitem__)
    if len(order) < len(ids):
        cycle = cycle_in(range(len(ids)), dependencies.__getitem__, order)
        raise InputError("its dependencies form a cycle", where=f"job {ids[cycle[0]]}")
    return order


def interleaved(items: Sequence[int], loads: Sequence[tuple[float, ...]], alone: Sequence[float]) -> list[int]:
    """Order `items` so that each stretch of the list has the same share of every class.

    The class of an item is the resource it needs most of, and the binary exponents of its length in seconds and of its
    load. Items of one class keep their order.
    """
    classes: dict[tuple[int, int, int], list[int]] = {}
    for item in items:
        load = loads[item]
        most = max(load, default=0.0)
        key = (load.index(most) if load else 0, math.frexp(alone[item])[1], math.frexp(most)[1])
        classes.setdefault(key, []).append(item)
    placed = [
        ((number + 0.5) / len(members), key, item)
        for key, members in classes.items()
        for number, item in enumerate(members)
    ]
    placed.sort()
    return [item for _, _, item in placed]
