"""Ids from resource specification files that CTest tests generate while the batch runs.

The plan cannot know these ids. A job that uses such a file starts after the test that writes it. So the file is read
when the first of these jobs is ready, and the ids that are free on this host are leased then.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from canary_wf.ctest.resource_groups import generated_request
from canary_wf.errors import CanaryWfError
from canary_wf.resources.leases.lease import HostLeases, Lease
from canary_wf.resources.pool import ResourcePool
from canary_wf.resources.request import sizes_by_type
from canary_wf.spec.job_spec import JobSpec
from canary_wf.spec.resource_request import Resources


class GeneratedPools:
    """The pools of the leased ids, by specification file. Each file is read once."""

    def __init__(self) -> None:
        self._pools: dict[str, ResourcePool] = {}
        self._listed: dict[str, ResourcePool] = {}
        self._refused: set[str] = set()
        self._leases: list[Lease] = []

    def lend(self, job: JobSpec) -> Resources | None:
        """Return ids for the groups of `job`, or None while they are not free or the file is missing."""
        if job.id in self._refused:
            return None
        try:
            pool = self._pool(_file(job))
        except CanaryWfError:
            return None  # `refuse` reports the reason when nothing else runs
        return pool.lend(sizes_by_type(generated_request(job)))

    def take_back(self, job: JobSpec, resources: Resources) -> None:
        """Take back what `lend` gave to `job`."""
        self._pools[_file(job)].take_back(resources)

    def refuse(self, job: JobSpec) -> str | None:
        """Return why the file can never satisfy `job`, and lend it nothing from then on; else None."""
        try:
            self._pool(_file(job))
            outcome = self._listed[_file(job)].accommodates(generated_request(job))
            reason = None if outcome else f"{outcome.reason} in {_file(job)}"
        except CanaryWfError as error:
            reason = f"its resources are in a file that another test generates: {error}"
        if reason is not None:
            self._refused.add(job.id)
        return reason

    def why_never(self, job: JobSpec) -> str | None:
        """Return why `job` cannot get its ids now, although nothing else of this batch runs."""
        outcome = self._pool(_file(job)).accommodates(generated_request(job))
        return None if outcome else f"{outcome.reason} (of what {_file(job)} names and nobody else on this host holds)"

    def release(self) -> None:
        """Give the ids back to the other batches of this host."""
        for lease in self._leases:
            lease.release()
        self._leases.clear()
        self._pools.clear()

    def _pool(self, file: str) -> ResourcePool:
        """Return the pool of `file`. Raises InputError when it is missing or wrong."""
        if file not in self._pools:
            from canary_wf.resources.pool_file import read_pool_file  # late, as few batches have such files

            listed = read_pool_file(Path(file)).resources
            free = {
                resource_type: [item for item in items if self._lease(resource_type, item)]
                for resource_type, items in listed.items()
            }
            self._listed[file] = ResourcePool({"resources": listed})
            self._pools[file] = ResourcePool({"resources": free})
        return self._pools[file]

    def _lease(self, resource_type: str, item: Mapping[str, Any]) -> bool:
        lease = HostLeases().acquire_now({resource_type: 1}, {resource_type: [str(item["id"])]})
        if lease is not None:
            self._leases.append(lease)
        return lease is not None


def _file(job: JobSpec) -> str:
    return (job.ctest.specification if job.ctest is not None else None) or ""
