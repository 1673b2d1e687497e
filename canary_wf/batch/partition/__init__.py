"""Partitioning: which tasks share a batch, by a batch specification.

Whatever the input, the batches hold every task once, none is empty, their graph is acyclic, and equal sets of tasks
give equal batches in whatever order they come.
"""

import math
from collections.abc import Iterable

import msgspec

from canary_wf.batch.partition.atomic import AtomicPacking
from canary_wf.batch.partition.balance import balanced, fewest
from canary_wf.batch.partition.flat import FlatPacking
from canary_wf.batch.partition.graph import canonical, graph_of
from canary_wf.batch.partition.limits import length_bound, nominal_batches, smallest_count, work
from canary_wf.batch.partition.style import Profile, Style
from canary_wf.batch.specification import BatchSpecification
from canary_wf.batch.task import Problem
from canary_wf.errors import InputError

__all__ = ["Partition", "length_bound", "nominal_batches", "partition", "smallest_count"]

ALLOWANCE = 1.05
"""How many times the nominal number of batches may be made for the sake of shorter chains of batches."""

SHORTEST_TARGET = 1e-6
"""Seconds; a target of zero, for jobs without length, would make sense to nobody."""


class Partition(msgspec.Struct, frozen=True):
    """One batch: indexes of its tasks, in the order of their ids, and of the batches that must be done before it."""

    tasks: tuple[int, ...]
    dependencies: tuple[int, ...]


def partition(problem: Problem, spec: BatchSpecification) -> list[Partition]:
    """Return the batches of `problem` by `spec`; a batch comes after those it depends on.

    Flat: no task depends on another one of its batch, and with a duration no batch's reference schedule is longer
    than the duration or its longest task. Atomic: no batch depends on another one, and the bound is the longest
    component. Raises InputError when dependencies form a cycle, and for a count that is too small, naming one that
    is not.
    """
    if not len(problem):
        return []
    if spec.count == 0:
        raise InputError("batch specification: 'count:0' leaves no batch for the jobs", hint="write count:1 or more")
    sorted_problem, order = canonical(problem)
    batches = _atomic(sorted_problem, spec) if spec.layout == "atomic" else _flat(sorted_problem, spec)
    return _linked(problem, [[order[task] for task in sorted(batch)] for batch in batches])


def _atomic(problem: Problem, spec: BatchSpecification) -> list[list[int]]:
    graph_of(problem)
    packing = AtomicPacking(problem)
    if spec.duration is not None:
        return packing.pack(spec.duration, together=False)
    if spec.count == "max" or int(spec.count) >= len(packing.components):
        return packing.components
    count = int(spec.count)
    start = max(max(work(problem), default=0.0) / count * 1.004, SHORTEST_TARGET)
    longest = sum(problem.runtimes) + 1.0
    found = fewest(lambda target: packing.pack(target, together=True), packing.weight, count, start, longest)
    return [list(range(len(problem)))] if found is None else found


def _flat(problem: Problem, spec: BatchSpecification) -> list[list[int]]:
    graph = graph_of(problem)
    if spec.count == "max" or (spec.duration is None and int(spec.count) >= len(problem)):
        return [[task] for task in graph.order]
    packing = FlatPacking(problem, graph, same_nodes=spec.nodes == "same")
    profile = Profile(graph, packing.packer.items.weight)
    if spec.duration is not None:
        return _to_duration(packing, profile, spec.duration, nominal_batches(problem, spec.duration, "flat"))
    count = int(spec.count)
    mean = max(max(work(problem), default=0.0) / count, SHORTEST_TARGET)
    found = balanced(packing, profile, count, mean) if count >= graph.depth else None
    if found is None:
        enough = smallest_count(problem, graph, same_nodes=spec.nodes == "same")
        raise InputError(
            f"batch specification: 'count:{count}' is too small for layout:flat, which needs one batch for each of "
            f"{graph.depth} levels of dependencies" + (" and each number of nodes" if spec.nodes == "same" else ""),
            hint=f"write count:{enough} or more, or layout:atomic",
        )
    return found


def _to_duration(packing: FlatPacking, profile: Profile, duration: float, nominal: int) -> list[list[int]]:
    """Return the packing with the shortest chains of batches that is estimated to keep to the number allowed."""
    allowed = math.floor(nominal * ALLOWANCE + 1e-9)
    depth = packing.graph.depth
    estimates = [(cut, *profile.estimate(duration, cut)) for cut in profile.cuts()]
    possible = [(chain, -cut) for cut, count, chain in estimates if count <= allowed * 1.01]
    batches = packing.pack(Style(duration, -min(possible)[1])) if possible and depth > 1 else None
    if batches is not None and len(batches) <= allowed:
        return batches
    tight = packing.pack(Style(duration, depth, tight=True))
    return tight if batches is None or len(tight) < len(batches) else batches


def _linked(problem: Problem, batches: Iterable[list[int]]) -> list[Partition]:
    """Return `batches`, which come in an order that respects dependencies, with the links between them."""
    batches = list(batches)
    owner = [0] * len(problem)
    for number, batch in enumerate(batches):
        for task in batch:
            owner[task] = number
    return [
        Partition(
            tuple(batch),
            tuple(sorted({owner[upstream] for task in batch for upstream in problem.dependencies[task]} - {number})),
        )
        for number, batch in enumerate(batches)
    ]
