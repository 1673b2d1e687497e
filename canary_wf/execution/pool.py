"""Where the ids of a batch come from: the Slurm allocation it runs in, or a lease on this machine's."""

import os
from collections.abc import Mapping
from typing import NamedTuple

from canary_wf.execution.progress import say
from canary_wf.plan.model import BatchSlice, PlannedBatch
from canary_wf.resources.granted import granted_resources
from canary_wf.resources.leases import HostLeases, Lease
from canary_wf.resources.pool import ResourcePool


class BatchPool(NamedTuple):
    """The pool of one batch, its memory (MiB, None when not known), and the lease to release at the end."""

    pool: ResourcePool
    memory: int | None
    lease: Lease | None

    def release(self) -> None:
        """Let others on this host have the ids."""
        if self.lease is not None:
            self.lease.release()


def open_pool(part: BatchSlice, environment: Mapping[str, str] = os.environ) -> BatchPool:
    """Return the pool for the batch of `part`, waiting for ids that other batches on this host still hold."""
    granted = granted_resources(environment)
    if granted is not None:
        return BatchPool(granted.pool, granted.memory or part.batch.memory, None)
    planned = ResourcePool({"resources": part.resource_pool["resources"]})
    wanted = _ids_needed(planned, part.batch)
    candidates = {kind: [str(item["id"]) for item in planned.resources[kind]] for kind in wanted}
    lease = HostLeases().acquire(wanted, candidates, on_wait=say)
    leased = {
        kind: [item for item in planned.resources[kind] if str(item["id"]) in set(ids)]
        for kind, ids in lease.ids.items()
    }
    return BatchPool(ResourcePool({"resources": leased}), part.batch.memory, lease)


def _ids_needed(pool: ResourcePool, batch: PlannedBatch) -> dict[str, int]:
    """Return how many ids of each type hold the slots that the batch peaks at; an id is leased whole."""
    needed = {}
    for kind, slots in {"cpus": batch.cpus, "gpus": batch.gpus, **batch.resources}.items():
        sizes = [int(item["slots"]) for item in pool.resources.get(kind, [])]
        if slots and sizes:
            needed[kind] = min(len(sizes), -(-slots // min(sizes)))
    return needed
