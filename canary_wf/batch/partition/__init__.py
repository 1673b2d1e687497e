"""Partitioning: decides by a batch specification which tasks share a batch.

For any input, the batches hold every task exactly once, no batch is empty, the graph of batches is acyclic, and equal
sets of tasks give equal batches, whatever their order.

| specification | packing |
|---|---|
| `layout:flat`, `count:auto` | `search.to_duration` over `flat.FlatPacking` |
| `layout:flat`, `count:N` | `balance.balanced` over `flat.FlatPacking`; with dependencies also `chains.ChainPacking` |
| `layout:atomic`, `count:auto` | `atomic.AtomicPacking` |
| `layout:atomic`, `count:N` | `balance.fewest` over `atomic.AtomicPacking` |
| `count:max` | one batch for each task or component |

All of them fill batches with `packer.Packer`, which simulates each batch that it fills.
"""

from collections.abc import Collection, Sequence

import msgspec

from canary_wf.batch.partition.atomic import AtomicPacking
from canary_wf.batch.partition.balance import balanced, fewest
from canary_wf.batch.partition.flat import FlatPacking
from canary_wf.batch.partition.graph import canonical, graph_of
from canary_wf.batch.partition.lower_bounds import length_bound, nominal_batches, smallest_count, work
from canary_wf.batch.partition.packing_parameters import WorkProfile
from canary_wf.batch.partition.search import to_duration
from canary_wf.batch.problem import Problem
from canary_wf.batch.specification import BatchSpecification
from canary_wf.errors import InputError

__all__ = ["PackedBatch", "length_bound", "nominal_batches", "partition", "smallest_count"]

COMPONENT_CAUTION = 1.15
"""Batches of components are filled to less than the target, so a surplus component takes more room than its load."""

SHORTEST_TARGET = 1e-6
"""Shortest target in seconds. It replaces zero when all jobs have no length."""


class PackedBatch(msgspec.Struct, frozen=True):
    """One batch: the indexes of its tasks, in the order of their ids.

    `too_long` says that the batch has an indivisible item longer than the duration asked for: a task, or with the
    atomic layout the component that is the whole batch.
    """

    tasks: tuple[int, ...]
    too_long: bool = False


def partition(problem: Problem, spec: BatchSpecification) -> list[PackedBatch]:
    """Return the batches of `problem` by `spec`. Each batch comes after those it depends on.

    Flat: no task depends on another task of its batch. With a duration, no batch's reference schedule is longer than
    the duration or its longest task. Atomic: no batch depends on another batch, and the longest component replaces the
    longest task. Raises InputError if dependencies form a cycle, and for a count that is too small; the message names
    a count that is large enough.
    """
    if not len(problem):
        return []
    if spec.count == 0:
        raise InputError("batch specification: 'count:0' leaves no batch for the jobs", hint="write count:1 or more")
    sorted_problem, order = canonical(problem)
    if spec.layout == "atomic":
        batches, long = _atomic(sorted_problem, spec)
    else:
        batches = _flat(sorted_problem, spec)
        long = _with_long_tasks(sorted_problem, batches, spec)
    return [
        PackedBatch(tuple(order[task] for task in sorted(batch)), number in long)
        for number, batch in enumerate(batches)
    ]


def _atomic(problem: Problem, spec: BatchSpecification) -> tuple[list[list[int]], Collection[int]]:
    """Return the batches, and the numbers of those whose component is longer than the duration asked for."""
    graph_of(problem)
    packing = AtomicPacking(problem)
    if spec.duration is not None:
        batches = packing.pack(spec.duration, together=False)
        return batches, range(sum(seconds > spec.duration for seconds in packing.alone))
    return _atomic_count(problem, packing, spec), ()


def _with_long_tasks(problem: Problem, batches: Sequence[list[int]], spec: BatchSpecification) -> Collection[int]:
    if spec.duration is None:
        return ()
    runtimes, duration = problem.runtimes, spec.duration
    return {number for number, batch in enumerate(batches) if max(runtimes[task] for task in batch) > duration}


def _atomic_count(problem: Problem, packing: AtomicPacking, spec: BatchSpecification) -> list[list[int]]:
    if spec.count == "max" or int(spec.count) >= len(packing.components):
        return packing.components
    count = int(spec.count)
    start = max(max(work(problem), default=0.0) / count * 1.004, SHORTEST_TARGET)
    longest = sum(problem.runtimes) + 1.0
    found = fewest(
        lambda target: packing.pack(target, together=True),
        packing.weight,
        count,
        start,
        longest,
        caution=COMPONENT_CAUTION,
    )
    return [list(range(len(problem)))] if found is None else found


def _flat(problem: Problem, spec: BatchSpecification) -> list[list[int]]:
    graph = graph_of(problem)
    if spec.count == "max" or (spec.duration is None and int(spec.count) >= len(problem)):
        return [[task] for task in graph.order]
    packing = FlatPacking(problem, graph, same_nodes=spec.nodes == "same")
    profile = WorkProfile(graph, packing.packer.items.weight)
    if spec.duration is not None:
        return to_duration(packing, profile, spec.duration, nominal_batches(problem, spec.duration, "flat"))
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
