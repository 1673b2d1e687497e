"""What a batch may hand out to its jobs: ids by type from the resource pool, memory as a number, slots for workers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from canary_wf.ctest.resource_groups import is_generated, job_request
from canary_wf.resources.pool import ResourcePool
from canary_wf.resources.request import sizes_by_type
from canary_wf.run.job.environment import NODES
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.spec.resource_request import Resources
from canary_wf.wording import amount

if TYPE_CHECKING:
    from canary_wf.run.generated_resources import GeneratedPools


def kind_of(job: PlannedJob) -> tuple[object, ...]:
    """Return what is the same for jobs that fit, or do not fit, alike."""
    return (job.memory, job.nodes, job.exclusive, job.locks, *_asked_of(job))


def _asked_of(job: PlannedJob) -> tuple[object, ...]:
    """Return what is the same for jobs that ask the same of the pool."""
    file = job.ctest.specification if job.ctest is not None else None
    return (job.cpus, job.gpus, *job.resources.items(), job.resource_groups, file)


class Capacity:
    """The resources of one running batch; memory is MiB, None where nobody knows or says.

    `pool` is that of the node where the runner is. A job of several nodes gets `nodes` (names; none outside of Slurm)
    whole, the first ones, with the ids of the runner's own node standing for those of each.
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
        self._workers = workers
        self._used_memory = 0
        self._running = 0
        self._exclusive = False
        self._locks: set[str] = set()
        self._sizes: dict[tuple[object, ...], dict[str, list[int]]] = {}

    def take(self, job: PlannedJob) -> Resources | None:
        """Return the ids for `job`, or None while it does not fit beside what runs."""
        alone = job.exclusive or job.nodes > 1  # nothing may run beside it
        if self._exclusive or (alone and self._running) or self._running == self._workers:
            return None
        if not self._locks.isdisjoint(job.locks):
            return None
        if self._memory is not None and self._used_memory + (job.memory or 0) > self._memory and self._running:
            return None
        spans = job.nodes > 1 and self._spans_nodes(job)
        resources = self._whole_nodes(job) if spans else self._pool.lend(self._sizes_of(job))
        resources = self._with_generated(job, resources)
        if resources is None:
            return None
        self._exclusive = alone
        self._running += 1
        self._locks.update(job.locks)
        self._used_memory += job.memory or 0
        return resources

    def _with_generated(self, job: PlannedJob, resources: Resources | None) -> Resources | None:
        """Return `resources` with those from a file that another test generates, or None with nothing taken."""
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
        kinds = ("cpus", "gpus") if job.gpus else ("cpus",)
        everything = {kind: [int(item["slots"]) for item in self._pool.resources.get(kind, ())] for kind in kinds}
        lent = self._pool.lend(everything)
        return (
            None if lent is None else {**lent, NODES: [{"id": name, "slots": 1} for name in self._nodes[: job.nodes]]}
        )

    def _too_few_nodes(self, job: PlannedJob) -> str | None:
        if job.nodes > len(self._nodes):
            return f"needs {job.nodes} nodes, there are {len(self._nodes)}"
        for kind, wanted in (("cpus", job.cpus), ("gpus", job.gpus)):
            there = self._pool.slots_per_resource_type.get(kind, 0) * job.nodes
            if wanted > there:
                return f"needs {amount(wanted, kind)}, {job.nodes} nodes have {there or 'none'}"
        return None

    def _sizes_of(self, job: PlannedJob) -> dict[str, list[int]]:
        """Return what `job` asks of the pool; most jobs of a batch ask for the same."""
        key = _asked_of(job)
        sizes = self._sizes.get(key)
        if sizes is None:
            sizes = self._sizes[key] = sizes_by_type(job_request(job))
        return sizes

    def give_back(self, job: PlannedJob, resources: Resources) -> None:
        """Take back what `job` was given."""
        own = {kind: items for kind, items in resources.items() if kind != NODES}
        if self._generated is not None and is_generated(job):
            self._generated.take_back(job, {kind: own.pop(kind) for kind in list(own) if kind != "cpus"})
        self._pool.take_back(own)
        self._running -= 1
        self._locks.difference_update(job.locks)
        self._used_memory -= job.memory or 0
        self._exclusive = False

    def refuse(self, job: PlannedJob) -> str | None:
        """Return why `job` can never run, as a file that a test of the batch made lacks what it asks for; else None."""
        return self._generated.refuse(job) if self._generated is not None and is_generated(job) else None

    def why_never(self, job: PlannedJob) -> str | None:
        """Return why `job` can't run here even when nothing else does, or None when it can."""
        if self._spans_nodes(job):
            return self._too_few_nodes(job)
        outcome = self._pool.accommodates(job_request(job))
        if not outcome:
            return outcome.reason
        return self._generated.why_never(job) if self._generated is not None and is_generated(job) else None
