"""What a running batch can hand out to its jobs: ids from the resource pool, memory, and a number of workers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from canary_wf.ctest.resource_groups import is_generated, job_request
from canary_wf.resources.pool import Occupancy, ResourcePool
from canary_wf.resources.request import sizes_by_type
from canary_wf.run.job.environment import NODES
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.spec.resource_request import Resources
from canary_wf.wording import amount

if TYPE_CHECKING:
    from canary_wf.run.generated_resources import GeneratedPools


def capacity_key(job: PlannedJob) -> tuple[object, ...]:
    """Return a key that is equal for jobs that either all fit or all do not."""
    return (job.memory, job.nodes, job.exclusive, job.locks, *_asked_of(job))


def _asked_of(job: PlannedJob) -> tuple[object, ...]:
    """Return a key that is equal for jobs with the same request to the pool."""
    file = job.ctest.specification if job.ctest is not None else None
    return (job.cpus, job.gpus, *job.resources.items(), job.resource_groups, file)


class Capacity:
    """The resources of one running batch; memory is in MiB, None when unknown or unlimited.

    `pool` is the pool of the runner's node. A job of several nodes gets the first of `nodes` (names; empty outside of
    Slurm) whole; the ids of the runner's node then stand for the ids of each node.
    """

    def __init__(
        self,
        pool: ResourcePool,
        memory: int | None,
        workers: int | None,
        nodes: Sequence[str] = (),
        generated: "GeneratedPools | None" = None,
    ) -> None:
        self._pool = pool
        self._nodes = nodes
        self._generated = generated
        self._memory = memory
        self._occupancy = Occupancy(workers)
        self._used_memory = 0
        self._locks: set[str] = set()
        self._sizes: dict[tuple[object, ...], dict[str, list[int]]] = {}

    def take(self, job: PlannedJob) -> Resources | None:
        """Return the ids for `job`, or None while it does not fit beside the running jobs."""
        alone = job.exclusive or job.nodes > 1  # nothing may run beside it
        if not self._occupancy.admits(exclusive=alone):
            return None
        if not self._locks.isdisjoint(job.locks):
            return None
        if (
            self._memory is not None
            and self._used_memory + (job.memory or 0) > self._memory
            and self._occupancy.running
        ):
            return None
        spans = job.nodes > 1 and self._spans_nodes(job)
        resources = self._whole_nodes(job) if spans else self._pool.lend(self._sizes_of(job))
        resources = self._with_generated(job, resources)
        if resources is None:
            return None
        self._occupancy.enter(exclusive=alone)
        self._locks.update(job.locks)
        self._used_memory += job.memory or 0
        return resources

    def _with_generated(self, job: PlannedJob, resources: Resources | None) -> Resources | None:
        """Add the ids from a file that another test generates; return None, and take nothing, if they are not free."""
        if resources is None or self._generated is None or not is_generated(job):
            return resources
        further = self._generated.lend(job)
        if further is None:
            self._pool.take_back(resources)
            return None
        return {**resources, **further}

    def _spans_nodes(self, job: PlannedJob) -> bool:
        return job.nodes > 1 and bool(self._nodes)

    def _whole_nodes(self, job: PlannedJob) -> Resources | None:
        if self._too_few_nodes(job) is not None:
            return None
        types = ("cpus", "gpus") if job.gpus else ("cpus",)
        everything = {
            resource_type: [int(item["slots"]) for item in self._pool.resources.get(resource_type, ())]
            for resource_type in types
        }
        lent = self._pool.lend(everything)
        return (
            None if lent is None else {**lent, NODES: [{"id": name, "slots": 1} for name in self._nodes[: job.nodes]]}
        )

    def _too_few_nodes(self, job: PlannedJob) -> str | None:
        if job.nodes > len(self._nodes):
            return f"needs {job.nodes} nodes, there are {len(self._nodes)}"
        for resource_type, requested in (("cpus", job.cpus), ("gpus", job.gpus)):
            available = self._pool.slots_per_resource_type.get(resource_type, 0) * job.nodes
            if requested > available:
                return f"needs {amount(requested, resource_type)}, {job.nodes} nodes have {available or 'none'}"
        return None

    def _sizes_of(self, job: PlannedJob) -> dict[str, list[int]]:
        """Return the request of `job` to the pool; cached, as most jobs of a batch have the same."""
        key = _asked_of(job)
        sizes = self._sizes.get(key)
        if sizes is None:
            sizes = self._sizes[key] = sizes_by_type(job_request(job))
        return sizes

    def give_back(self, job: PlannedJob, resources: Resources) -> None:
        """Take back the resources of `job`."""
        own = {resource_type: items for resource_type, items in resources.items() if resource_type != NODES}
        if self._generated is not None and is_generated(job):
            self._generated.take_back(
                job, {resource_type: own.pop(resource_type) for resource_type in list(own) if resource_type != "cpus"}
            )
        self._pool.take_back(own)
        self._occupancy.leave()
        self._locks.difference_update(job.locks)
        self._used_memory -= job.memory or 0

    def refuse(self, job: PlannedJob) -> str | None:
        """Return why `job` can never run because a generated file lacks what it requests, else None."""
        return self._generated.refuse(job) if self._generated is not None and is_generated(job) else None

    def why_never(self, job: PlannedJob) -> str | None:
        """Return why `job` cannot run here even when nothing else runs, or None when it can."""
        if self._spans_nodes(job):
            return self._too_few_nodes(job)
        outcome = self._pool.accommodates(job_request(job))
        if not outcome:
            return outcome.reason
        return self._generated.why_never(job) if self._generated is not None and is_generated(job) else None
