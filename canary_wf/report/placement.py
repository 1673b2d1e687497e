"""Which job of a batch is expected to run when, and on which ids: the reference schedule played on the real pool."""

from collections.abc import Iterator

import msgspec

from canary_wf.batch.problem import MEMORY, problem_of
from canary_wf.batch.reference_order import reference_order
from canary_wf.batch.reference_schedule import simulate
from canary_wf.resources.pool import ResourcePool
from canary_wf.run.batch_pool import candidate_ids
from canary_wf.run.capacity import Capacity
from canary_wf.spec.batch_slice import BatchSlice
from canary_wf.spec.resource_request import Resources


class JobPlacement(msgspec.Struct, frozen=True):
    """One job of a batch: start and end in seconds after the batch's start, and its ids by type."""

    job: int
    start: float
    end: float
    ids: dict[str, tuple[str, ...]]


def place_jobs(batch_slice: BatchSlice) -> list[JobPlacement]:
    """Return the jobs of `batch_slice`, by index, in the order in which they start.

    The ids are those that the runner hands out on an idle machine if every job takes as long as expected.
    """
    node: dict[str, int | None] = {MEMORY: None, **batch_slice.node}
    problem = problem_of(batch_slice.jobs, [job.runtime for job in batch_slice.jobs], node)
    members = range(len(batch_slice.jobs))
    starts = simulate(problem, members).starts
    rank = {job: number for number, job in enumerate(reference_order(problem, members))}
    order = sorted(members, key=lambda job: (starts[job], rank[job]))
    handed_out = dict(_hand_out(batch_slice, order, starts))
    return [
        JobPlacement(job, starts[job], starts[job] + batch_slice.jobs[job].runtime, _ids(handed_out.get(job, {})))
        for job in order
    ]


def _hand_out(batch_slice: BatchSlice, order: list[int], starts: tuple[float, ...]) -> Iterator[tuple[int, Resources]]:
    """Yield the resources of each job; those of jobs that end at a moment are free for jobs that start at it."""
    capacity = Capacity(_leased(batch_slice), batch_slice.batch.memory, None)
    running: list[tuple[float, int, Resources]] = []
    for job in order:
        over = sorted(item for item in running if item[0] <= starts[job])
        running = [item for item in running if item[0] > starts[job]]
        for _, ended, resources in over:
            capacity.give_back(batch_slice.jobs[ended], resources)
        taken = capacity.take(batch_slice.jobs[job])
        if taken is not None:
            running.append((starts[job] + batch_slice.jobs[job].runtime, job, taken))
            yield job, taken


def _leased(batch_slice: BatchSlice) -> ResourcePool:
    """Return the ids that the batch gets if all are free: the first suitable ones."""
    whole = ResourcePool({"resources": batch_slice.resource_pool["resources"]})
    leased = {}
    for resource_type, (count, names) in candidate_ids(whole, batch_slice).items():
        chosen = set(names[:count])
        leased[resource_type] = [dict(item) for item in whole.resources[resource_type] if str(item["id"]) in chosen]
    return ResourcePool({"resources": leased})


def _ids(resources: Resources) -> dict[str, tuple[str, ...]]:
    return {
        resource_type: tuple(str(item["id"]) for item in items) for resource_type, items in resources.items() if items
    }
