"""The parts of a plan that are partitioned by themselves: jobs for one kind of node, in a stretch of dependencies.

Batches hold jobs for one kind of node only. So that their graph has no cycle when a chain of jobs goes from one kind to
another and back, jobs are told apart also by how often the kind changes on a chain before them, at the most.
"""

from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush

import msgspec

from canary_wf.batch.partition import smallest_count
from canary_wf.batch.partition.graph import graph_of
from canary_wf.batch.partition.lower_bounds import work
from canary_wf.batch.problem import MEMORY, problem_of
from canary_wf.batch.specification import BatchSpecification
from canary_wf.batch.task import Problem
from canary_wf.errors import InputError
from canary_wf.plan.cluster.target import Target
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
    problem = problem_of(jobs, [0.0] * len(jobs), {})
    found = [0] * len(jobs)
    for job in graph_of(problem).order:
        for upstream in problem.dependencies[job]:
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
