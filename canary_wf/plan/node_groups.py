"""Chooses a node type for each job, and groups jobs that are partitioned together.

A batch holds jobs for one node type only. A chain of jobs may go from one node type to another and back. To keep the
graph of batches acyclic, jobs are also grouped by the largest number of changes of node type on a chain before them.

As many jobs as possible are planned for one node type, so that they can share batches. The others are planned for the
first type that they fit. With the atomic layout, jobs that depend on one another share a batch, so they are planned for
one type.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import NamedTuple

import msgspec

from canary_wf.batch.partition import smallest_count
from canary_wf.batch.partition.graph import graph_of, ordered
from canary_wf.batch.partition.lower_bounds import work
from canary_wf.batch.problem import MEMORY, Problem, problem_of
from canary_wf.batch.reference_order import upstream_places
from canary_wf.batch.specification import BatchSpecification, Layout
from canary_wf.errors import InputError
from canary_wf.graph import components
from canary_wf.plan.cluster.target import Target
from canary_wf.plan.fit import misfit, split_by_reason
from canary_wf.plan.model import LeftOut
from canary_wf.spec.job_spec import JobSpec


class NodeGroup(msgspec.Struct, frozen=True):
    """Jobs (by index) that are planned for `target`, and the problem of partitioning them."""

    target: Target
    members: list[int]
    problem: Problem


def node_groups(jobs: Sequence[JobSpec], targets: Sequence[Target], runtimes: Sequence[float]) -> list[NodeGroup]:
    """Return the groups of `jobs`, given the target and run time of each job. A group comes after those it depends on.

    Raises InputError if dependencies form a cycle.
    """
    types: list[Target] = []
    for target in targets:
        if not any(target is node_type for node_type in types):
            types.append(target)
    number = [next(index for index, node_type in enumerate(types) if node_type is target) for target in targets]
    changes = _changes(jobs, number) if len(types) > 1 else [0] * len(jobs)
    members: dict[tuple[int, int], list[int]] = {}
    for index, key in enumerate(zip(changes, number, strict=True)):
        members.setdefault(key, []).append(index)
    return [_group(types[key[1]], members[key], jobs, runtimes) for key in sorted(members)]


def _group(target: Target, members: list[int], jobs: Sequence[JobSpec], runtimes: Sequence[float]) -> NodeGroup:
    node: dict[str, int | None] = {**target.node.capacities, MEMORY: target.node.memory}
    problem = problem_of([jobs[index] for index in members], [runtimes[index] for index in members], node)
    return NodeGroup(target, members, problem)


def _changes(jobs: Sequence[JobSpec], types: Sequence[int]) -> list[int]:
    """Return for each job the largest number of changes of node type on a chain of jobs up to it."""
    upstreams = upstream_places(jobs)
    found = [0] * len(jobs)
    for job in ordered([job.id for job in jobs], upstreams):
        for upstream in upstreams[job]:
            found[job] = max(found[job], found[upstream] + (types[upstream] != types[job]))
    return found


def specifications(groups: Sequence[NodeGroup], spec: BatchSpecification) -> Iterator[BatchSpecification]:
    """Yield the specification by which each of `groups` is partitioned. A count is distributed by work.

    Raises InputError for a count that is too small for all of them.
    """
    if not isinstance(spec.count, int) or len(groups) == 1:
        yield from [spec] * len(groups)
        return
    counts = [_smallest(group.problem, spec) for group in groups]
    if sum(counts) > spec.count:
        raise InputError(
            f"batch specification: 'count:{spec.count}' is too small for jobs that need several kinds of nodes, which "
            f"are never in one batch: it takes {sum(counts)}",
            hint=f"write count:{sum(counts)} or more, or ask for a duration",
        )
    loads = [max(work(group.problem), default=0.0) for group in groups]
    # The group with the longest batches gets the next batch, as long as it has enough jobs.
    longest = [(-load / count, index) for index, (load, count) in enumerate(zip(loads, counts, strict=True))]
    heapify(longest)
    left = min(spec.count, sum(len(group.members) for group in groups)) - sum(counts)
    while left:
        _, index = heappop(longest)
        if counts[index] < len(groups[index].members):
            counts[index] += 1
            left -= 1
            heappush(longest, (-loads[index] / counts[index], index))
    yield from (msgspec.structs.replace(spec, count=count) for count in counts)


def _smallest(problem: Problem, spec: BatchSpecification) -> int:
    if spec.layout == "atomic":
        return 1
    return smallest_count(problem, graph_of(problem), same_nodes=spec.nodes == "same")


_TORN = "layout:atomic puts it into one batch with jobs that need another kind of node"


class NodeChoice(NamedTuple):
    """The node types of jobs: `main` is that of most jobs, and `targets` has that of each of `jobs`."""

    main: Target
    jobs: list[JobSpec]
    targets: list[Target]
    left_out: list[LeftOut]


def choose_node_types(target: Target, jobs: Sequence[JobSpec], layout: Layout) -> NodeChoice:
    """Choose `target` or one of its `others` for each of `jobs`, and return these and the jobs that are left out.

    The main type is the first of these that the largest number of jobs fit.
    """
    targets = (target, *target.others)
    misfits = [_misfits_of(node_type, jobs) for node_type in targets]
    main = min(range(len(targets)), key=lambda number: len(misfits[number]))
    order = [main, *(number for number in range(len(targets)) if number != main)]
    chosen = {job.id: _first(order, misfits, [job]) for job in jobs}
    nowhere = "; nor does it fit another kind of node" if target.others else ""
    reasons = {job: f"{misfits[main][job]}{nowhere}" for job, number in chosen.items() if number is None}
    if layout == "atomic" and len(targets) > 1:
        for component in _components(jobs):
            together = _first(order, misfits, component)
            if together is not None:
                chosen.update(dict.fromkeys((job.id for job in component), together))
            else:
                torn = [job.id for job in component if chosen[job.id] not in {None, main}]
                reasons |= {job: f"{misfits[main][job]}; {_TORN}" for job in torn}
    kept, left_out = split_by_reason(jobs, reasons)
    return NodeChoice(targets[main], kept, [targets[chosen[job.id] or 0] for job in kept], left_out)


def _misfits_of(target: Target, jobs: Iterable[JobSpec]) -> dict[str, str]:
    """Return a map of job id to the reason why the job does not fit the nodes of `target`."""
    found = ((job.id, misfit(job, target.node, target.pool, on_slurm=target.scheduler == "slurm")) for job in jobs)
    return {job: reason for job, reason in found if reason is not None}


def _first(order: Iterable[int], misfits: Sequence[Mapping[str, str]], jobs: Collection[JobSpec]) -> int | None:
    """Return the first node type of `order` that all of `jobs` fit."""
    return next((node_type for node_type in order if not any(job.id in misfits[node_type] for job in jobs)), None)


def _components(jobs: Sequence[JobSpec]) -> list[list[JobSpec]]:
    """Return the connected components of the dependency graph of `jobs`."""
    found: dict[int, list[JobSpec]] = {}
    for job, family in zip(jobs, components(upstream_places(jobs)), strict=True):
        found.setdefault(family, []).append(job)
    return list(found.values())
