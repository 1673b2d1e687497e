"""The parts of a plan that are partitioned by themselves: jobs for one type of node, in a stretch of dependencies.

Batches hold jobs for one kind of node only. So that their graph has no cycle when a chain of jobs goes from one kind to
another and back, jobs are told apart also by how often the kind changes on a chain before them, at the most.

As many jobs as possible are planned for one kind, so that they can share batches; the others for the first kind that
they fit. With the atomic layout jobs that depend on one another are planned for one kind, as they share a batch.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import NamedTuple

import msgspec

from canary_wf.batch.partition import smallest_count
from canary_wf.batch.partition.graph import graph_of, ordered
from canary_wf.batch.partition.lower_bounds import work
from canary_wf.batch.problem import MEMORY, Problem, problem_of, upstream_places
from canary_wf.batch.specification import BatchSpecification, Layout
from canary_wf.errors import InputError
from canary_wf.graph import components
from canary_wf.plan.cluster.target import Target
from canary_wf.plan.fit import misfit, split_by_reason
from canary_wf.plan.model import LeftOut
from canary_wf.spec.job_spec import JobSpec


class Segment(msgspec.Struct, frozen=True):
    """Jobs, by their places, that are planned for `target`, and the problem of partitioning them."""

    target: Target
    members: list[int]
    problem: Problem


def segments_of(jobs: Sequence[JobSpec], targets: Sequence[Target], runtimes: Sequence[float]) -> list[Segment]:
    """Return the segments of `jobs`, each for its target and with its run time; one comes after those it needs.

    Raises InputError when dependencies form a cycle.
    """
    kinds: list[Target] = []
    for target in targets:
        if not any(target is kind for kind in kinds):
            kinds.append(target)
    number = [next(place for place, kind in enumerate(kinds) if kind is target) for target in targets]
    changes = _changes(jobs, number) if len(kinds) > 1 else [0] * len(jobs)
    members: dict[tuple[int, int], list[int]] = {}
    for place, key in enumerate(zip(changes, number, strict=True)):
        members.setdefault(key, []).append(place)
    return [_segment(kinds[key[1]], members[key], jobs, runtimes) for key in sorted(members)]


def _segment(target: Target, members: list[int], jobs: Sequence[JobSpec], runtimes: Sequence[float]) -> Segment:
    node: dict[str, int | None] = {**target.node.capacities, MEMORY: target.node.memory}
    problem = problem_of([jobs[place] for place in members], [runtimes[place] for place in members], node)
    return Segment(target, members, problem)


def _changes(jobs: Sequence[JobSpec], kinds: Sequence[int]) -> list[int]:
    """Return for each job how often the kind changes on a chain of jobs up to it, at the most."""
    upstreams = upstream_places(jobs)
    found = [0] * len(jobs)
    for job in ordered([job.id for job in jobs], upstreams):
        for upstream in upstreams[job]:
            found[job] = max(found[job], found[upstream] + (kinds[upstream] != kinds[job]))
    return found


def specifications(segments: Sequence[Segment], spec: BatchSpecification) -> Iterator[BatchSpecification]:
    """Yield what each of `segments` is partitioned by: a count is shared out by work.

    Raises InputError for a count that is too small for all of them.
    """
    if not isinstance(spec.count, int) or len(segments) == 1:
        yield from [spec] * len(segments)
        return
    counts = [_smallest(segment.problem, spec) for segment in segments]
    if sum(counts) > spec.count:
        raise InputError(
            f"batch specification: 'count:{spec.count}' is too small for jobs that need several kinds of nodes, which "
            f"are never in one batch: it takes {sum(counts)}",
            hint=f"write count:{sum(counts)} or more, or ask for a duration",
        )
    loads = [max(work(segment.problem), default=0.0) for segment in segments]
    # The segment whose batches are the longest gets the next one, as long as it has jobs for it.
    longest = [(-load / count, place) for place, (load, count) in enumerate(zip(loads, counts, strict=True))]
    heapify(longest)
    left = min(spec.count, sum(len(segment.members) for segment in segments)) - sum(counts)
    while left:
        _, place = heappop(longest)
        if counts[place] < len(segments[place].members):
            counts[place] += 1
            left -= 1
            heappush(longest, (-loads[place] / counts[place], place))
    yield from (msgspec.structs.replace(spec, count=count) for count in counts)


def _smallest(problem: Problem, spec: BatchSpecification) -> int:
    if spec.layout == "atomic":
        return 1
    return smallest_count(problem, graph_of(problem), same_nodes=spec.nodes == "same")


_TORN = "layout:atomic puts it into one batch with jobs that need another kind of node"


class Kinds(NamedTuple):
    """What jobs are planned for: `main` is the kind of most of them, `targets` has that of each of `jobs`."""

    main: Target
    jobs: list[JobSpec]
    targets: list[Target]
    left_out: list[LeftOut]


def choose_kinds(target: Target, jobs: Sequence[JobSpec], layout: Layout) -> Kinds:
    """Return which of `jobs` is planned for `target` or one of its others, and which are left out.

    The kind of most is the first of these that the most jobs fit.
    """
    targets = (target, *target.others)
    misfits = [_misfits(kind, jobs) for kind in targets]
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
    return Kinds(targets[main], kept, [targets[chosen[job.id] or 0] for job in kept], left_out)


def _misfits(target: Target, jobs: Iterable[JobSpec]) -> dict[str, str]:
    """Return why jobs, by id, do not fit the nodes of `target`."""
    found = ((job.id, misfit(job, target.node, target.pool, on_slurm=target.scheduler == "slurm")) for job in jobs)
    return {job: reason for job, reason in found if reason is not None}


def _first(order: Iterable[int], misfits: Sequence[Mapping[str, str]], jobs: Collection[JobSpec]) -> int | None:
    """Return the first kind of `order` that takes all of `jobs`."""
    return next((kind for kind in order if not any(job.id in misfits[kind] for job in jobs)), None)


def _components(jobs: Sequence[JobSpec]) -> list[list[JobSpec]]:
    """Return the jobs by what they are connected with."""
    found: dict[int, list[JobSpec]] = {}
    for job, family in zip(jobs, components(upstream_places(jobs)), strict=True):
        found.setdefault(family, []).append(job)
    return list(found.values())
