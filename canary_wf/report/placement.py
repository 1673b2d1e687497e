"""Which job of a batch is expected to run when, and on which ids: the reference schedule played with the real pool."""

from collections.abc import Iterator

import msgspec

from canary_wf.batch.problem import MEMORY, problem_of
from canary_wf.batch.reference_schedule import reference_order, simulate
from canary_wf.resources.pool import ResourcePool
from canary_wf.run.batch_pool import candidate_ids
from canary_wf.run.capacity import Capacity
from canary_wf.spec.batch_slice import BatchSlice
from canary_wf.spec.resource_request import Resources


class Placed(msgspec.Struct, frozen=True):
    """One job of a batch: start and end in seconds after the batch's start, and the ids it is given, by type."""

    job: int
    start: float
    end: float
    ids: dict[str, tuple[str, ...]]


def place_jobs(part: BatchSlice) -> list[Placed]:
    """Return the jobs of `part`, by their place in it, in the order in which they start.

    The ids are those that the runner hands out on an idle machine when every job takes as long as expected.
    """
    node: dict[str, int | None] = {MEMORY: None, **part.node}
    problem = problem_of(part.jobs, [job.runtime for job in part.jobs], node)
    members = range(len(part.jobs))
    starts = simulate(problem, members).starts
    rank = {job: number for number, job in enumerate(reference_order(problem, members))}
    order = sorted(members, key=lambda job: (starts[job], rank[job]))
    given = dict(_hand_out(part, order, starts))
    return [Placed(job, starts[job], starts[job] + part.jobs[job].runtime, _ids(given.get(job, {}))) for job in order]


def _hand_out(part: BatchSlice, order: list[int], starts: tuple[float, ...]) -> Iterator[tuple[int, Resources]]:
    """Yield what each job is given; what ends at a moment is given back before anything starts then."""
    capacity = Capacity(_leased(part), part.batch.memory, None)
    running: list[tuple[float, int, Resources]] = []
    for job in order:
        over = sorted(item for item in running if item[0] <= starts[job])
        running = [item for item in running if item[0] > starts[job]]
        for _, ended, resources in over:
            capacity.give_back(part.jobs[ended], resources)
        taken = capacity.take(part.jobs[job])
        if taken is not None:
            running.append((starts[job] + part.jobs[job].runtime, job, taken))
            yield job, taken


def _leased(part: BatchSlice) -> ResourcePool:
    """Return the ids that the batch gets when nothing else holds any: the first that will do."""
    whole = ResourcePool({"resources": part.resource_pool["resources"]})
    leased = {}
    for kind, (count, names) in candidate_ids(whole, part).items():
        chosen = set(names[:count])
        leased[kind] = [dict(item) for item in whole.resources[kind] if str(item["id"]) in chosen]
    return ResourcePool({"resources": leased})


def _ids(resources: Resources) -> dict[str, tuple[str, ...]]:
    return {kind: tuple(str(item["id"]) for item in items) for kind, items in resources.items() if items}
