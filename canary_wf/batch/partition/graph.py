"""The dependency graph of a problem: levels, heights and families, computed without recursion; and an even order."""

import math
from collections.abc import Sequence

import msgspec

from canary_wf.batch.problem import Problem, Shape
from canary_wf.errors import InputError


class Graph(msgspec.Struct, frozen=True):
    """What partitioning needs to know of the dependencies.

    By task: `level` (the longest chain of tasks before it), `height` (the longest chain behind it) and `followers`
    (how many tasks depend on it). `depth` is the number of levels; `order` has every task after its dependencies.
    """

    level: list[int]
    height: list[int]
    followers: list[int]
    order: list[int]
    depth: int


def canonical(problem: Problem) -> tuple[Problem, list[int]]:
    """Return `problem` with tasks sorted by id and shapes by what they ask for, and the old index of each task.

    Equal sets of tasks then look the same, in whatever order they came.
    """
    order = sorted(range(len(problem)), key=problem.ids.__getitem__)
    by_demand = sorted(range(len(problem.shapes)), key=lambda kind: _asks_for(problem.shapes[kind]))
    if order == list(range(len(problem))) and by_demand == list(range(len(by_demand))):
        return problem, order
    kind_now = dict(zip(by_demand, range(len(by_demand)), strict=True))
    place = [0] * len(order)
    for new, old in enumerate(order):
        place[old] = new
    return Problem(
        types=problem.types,
        capacity=problem.capacity,
        shapes=tuple(problem.shapes[kind] for kind in by_demand),
        ids=[problem.ids[old] for old in order],
        kinds=[kind_now[problem.kinds[old]] for old in order],
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
    count = len(problem)
    behind: dict[int, list[int]] = {}
    waits = [0] * count
    for task, dependencies in enumerate(problem.dependencies):
        waits[task] = len(dependencies)
        for upstream in dependencies:
            behind.setdefault(upstream, []).append(task)
    level, height, followers = [0] * count, [0] * count, [0] * count
    order = [task for task in range(count) if not waits[task]]
    for task in order:  # grows while it is walked
        for follower in behind.get(task, ()):
            level[follower] = max(level[follower], level[task] + 1)
            waits[follower] -= 1
            if not waits[follower]:
                order.append(follower)
    if len(order) < count:
        stuck = next(task for task in range(count) if waits[task])
        raise InputError("its dependencies form a cycle", where=f"job {problem.ids[_on_cycle(problem, waits, stuck)]}")
    for task in reversed(order):
        followers[task] = len(behind.get(task, ()))
        for upstream in problem.dependencies[task]:
            height[upstream] = max(height[upstream], height[task] + 1)
    return Graph(level, height, followers, order, max(level, default=-1) + 1)


def families(problem: Problem) -> list[int]:
    """Return for each task the smallest task it is connected with by dependencies in any direction."""
    root = list(range(len(problem)))
    for task, dependencies in enumerate(problem.dependencies):
        for upstream in dependencies:
            one, other = _find(root, task), _find(root, upstream)
            root[max(one, other)] = min(one, other)
    return [_find(root, task) for task in range(len(problem))]


def _find(root: list[int], task: int) -> int:
    while root[task] != task:
        root[task] = root[root[task]]
        task = root[task]
    return task


def _on_cycle(problem: Problem, waits: Sequence[int], task: int) -> int:
    """Walk up from a task that can never start until one comes again: that one lies on a cycle."""
    seen: set[int] = set()
    while task not in seen:
        seen.add(task)
        task = next(upstream for upstream in problem.dependencies[task] if waits[upstream])
    return task


def interleaved(items: Sequence[int], loads: Sequence[tuple[float, ...]], alone: Sequence[float]) -> list[int]:
    """Return `items` so that each stretch has the same share of every class.

    A class is the resource an item needs most of, and the powers of two of its length in seconds and of its load.
    Within a class the order is that of `items`.
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
