"""What a batch may hand out to its jobs: ids by type from the resource pool, memory as a number, slots for workers."""

from canary_wf.job.events import Resources
from canary_wf.job.resource_groups import job_request
from canary_wf.plan.model import PlannedJob
from canary_wf.resources.pool import ResourcePool
from canary_wf.resources.request import sizes_by_type


class Capacity:
    """The resources of one running batch; memory is MiB, None where nobody knows or says."""

    def __init__(self, pool: ResourcePool, memory: int | None, workers: int | None) -> None:
        self._pool = pool
        self._memory = memory
        self._workers = workers
        self._used_memory = 0
        self._running = 0
        self._exclusive = False
        self._locks: set[str] = set()
        self._sizes: dict[tuple[object, ...], dict[str, list[int]]] = {}

    def take(self, job: PlannedJob) -> Resources | None:
        """Return the ids for `job`, or None while it does not fit beside what runs."""
        alone = needs_whole_batch(job)
        if self._exclusive or (alone and self._running) or self._running == self._workers:
            return None
        if not self._locks.isdisjoint(job.locks):
            return None
        if self._memory is not None and self._used_memory + (job.memory or 0) > self._memory and self._running:
            return None
        resources = self._pool.lend(self._sizes_of(job))
        if resources is None:
            return None
        self._exclusive = alone
        self._running += 1
        self._locks.update(job.locks)
        self._used_memory += job.memory or 0
        return resources

    def _sizes_of(self, job: PlannedJob) -> dict[str, list[int]]:
        """Return what `job` asks of the pool; most jobs of a batch ask for the same."""
        key = (job.cpus, job.gpus, *job.resources.items(), job.resource_groups)
        sizes = self._sizes.get(key)
        if sizes is None:
            sizes = self._sizes[key] = sizes_by_type(job_request(job))
        return sizes

    def give_back(self, job: PlannedJob, resources: Resources) -> None:
        """Take back what `job` was given."""
        self._pool.take_back(resources)
        self._running -= 1
        self._locks.difference_update(job.locks)
        self._used_memory -= job.memory or 0
        self._exclusive = False

    def why_never(self, job: PlannedJob) -> str | None:
        """Return why `job` can't run here even when nothing else does, or None when it can."""
        outcome = self._pool.accommodates(job_request(job))
        return None if outcome else outcome.reason


def needs_whole_batch(job: PlannedJob) -> bool:
    """Return whether nothing may run beside `job` in its batch."""
    return job.exclusive or job.nodes > 1
