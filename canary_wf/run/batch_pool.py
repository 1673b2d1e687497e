"""The resource pool of a batch: ids from its Slurm allocation, or ids of this machine under a lease."""

import itertools
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from canary_wf.ctest.resource_groups import is_generated, largest_items
from canary_wf.errors import WorkspaceError
from canary_wf.resources.leases.lease import LOCKS, HostLeases, Lease, allocation_type
from canary_wf.resources.pool import ResourcePool
from canary_wf.resources.request import ids_that_hold
from canary_wf.resources.slurm.command import allocation_name
from canary_wf.resources.visible import visible_gpus
from canary_wf.run.progress import say
from canary_wf.spec.batch_slice import BatchSlice, PlannedJob
from canary_wf.wording import amount

if TYPE_CHECKING:
    from canary_wf.resources.slurm.allocation import SlurmAllocation
    from canary_wf.run.generated_resources import GeneratedPools


_PARTS = 64
"""Parts into which an allocation's memory is divided for leasing; a batch leases whole parts."""


class BatchPool(NamedTuple):
    """The pool of one batch, its memory (MiB, None when unknown), and the lease, which ends with the ``with`` block.

    `bindable` says whether numeric CPU ids are CPU numbers of the operating system. `nodes` are the names of the Slurm
    job's nodes when the batch has several. `generated` holds the pools of specification files that its tests write.
    """

    pool: ResourcePool
    memory: int | None
    lease: Lease | None
    bindable: bool = True
    nodes: tuple[str, ...] = ()
    generated: "GeneratedPools | None" = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Give the ids back to the other batches of this host."""
        if self.lease is not None:
            self.lease.release()
        if self.generated is not None:
            self.generated.release()


def open_pool(
    batch_slice: BatchSlice,
    environment: Mapping[str, str] = os.environ,
    require_current: Callable[[], None] = lambda: None,
    *,
    alone: bool = True,
    waiting: Path | None = None,
) -> BatchPool:
    """Return the pool for the batch of `batch_slice`; wait for ids and locks that other batches on this host hold.

    While waiting, call `require_current` several times a second (it may raise to end the wait), and write the reason
    for the wait to the file `waiting`.

    Inside a Slurm allocation, CPUs, GPUs and memory come from the allocation, which batches of the same allocation
    share; resource types that Slurm does not know are leased as on any host. `alone` means that no other batch of the
    plan can run in the allocation: this one then takes every free id that its jobs can use.
    """
    allocation = _allocation(batch_slice, environment)
    if allocation is None:
        resources = _visible_resources(batch_slice, _with_nominal_nodes(batch_slice), environment)
        found = _leased(batch_slice, resources, batch_slice.batch.memory, _LeaseWait(require_current, waiting))
        if not any(map(is_generated, batch_slice.jobs)):
            return found
        from canary_wf.run.generated_resources import GeneratedPools  # late: start-up

        return found._replace(generated=GeneratedPools())
    _report_shortage(batch_slice, allocation)
    share = _AllocationShare(allocation, allocation_name(environment), alone=alone)
    memory = min(filter(None, (allocation.memory, batch_slice.batch.memory)), default=None)
    others = {
        resource_type: ids
        for resource_type, ids in batch_slice.resource_pool["resources"].items()
        if resource_type not in allocation.pool.types
    }
    resources = {**allocation.pool.getstate()["resources"], **others}
    pool = _leased(batch_slice, resources, memory, _LeaseWait(require_current, waiting), share)
    return pool._replace(bindable=allocation.bindable, nodes=allocation.nodes)


class _LeaseWait:
    """The wait for a lease: calls `require_current`, and reports the reason in the log and in the file `waiting`."""

    def __init__(self, require_current: Callable[[], None], waiting: Path | None) -> None:
        self._require_current = require_current
        self._waiting = waiting
        self._since = time.time()
        self._noted = False

    def acquire(self, requested: Mapping[str, int], names: Mapping[str, Sequence[str]]) -> Lease:
        """Wait for the lease and return it."""
        try:
            return HostLeases().acquire(requested, names, on_wait=self._report, give_up=self._never)
        finally:
            if self._noted and self._waiting is not None:
                self._waiting.unlink(missing_ok=True)

    def _never(self) -> bool:
        self._require_current()
        return False

    def _report(self, what: str) -> None:
        say(what)
        if self._waiting is not None:
            self._noted = True
            try:
                from canary_wf.state.waiting import note_waiting  # late: start-up

                note_waiting(self._waiting, what, self._since)
            except WorkspaceError as error:
                say(f"could not note that the batch is waiting: {error}")


class _AllocationShare:
    """The share of an allocation that a batch leases. Its ids are leased under names of the allocation's own."""

    def __init__(self, allocation: "SlurmAllocation", name: str, *, alone: bool) -> None:
        self._allocation = allocation
        self._name = name
        self._alone = alone
        self.ids = _ids(allocation.pool)

    def type_of(self, resource_type: str) -> str:
        """Return the type under which ids of `resource_type` are leased."""
        return allocation_type(self._name, resource_type) if resource_type in self.ids else resource_type

    def memory_parts(self, batch_slice: BatchSlice, memory: int | None) -> dict[str, tuple[int, list[str]]]:
        """Return the number of memory parts that the batch needs, and their names; empty when sizes are unknown."""
        if not (self._allocation.memory and batch_slice.batch.memory and memory):
            return {}
        number = -(-memory * _PARTS // self._allocation.memory)
        return {allocation_type(self._name, "parts of the memory"): (number, [str(each) for each in range(_PARTS)])}

    def further(self, batch_slice: BatchSlice, held: Mapping[str, set[str]]) -> list[Lease]:
        """Lease further free ids that the jobs can use in addition to those `held`."""
        found = []
        sums = {"cpus": sum(job.cpus for job in batch_slice.jobs), "gpus": sum(job.gpus for job in batch_slice.jobs)}
        for resource_type, ids in self.ids.items() if self._alone else ():
            free = [name for name in ids if name not in held.get(resource_type, ())]
            number = min(len(free), sums.get(resource_type, 0) - len(held.get(resource_type, ())))
            if number > 0:
                name = self.type_of(resource_type)
                lease = HostLeases().acquire_now({name: number}, {name: free})
                found += [] if lease is None else [lease]  # ids that are busy are not needed
        return found


def _leased(
    batch_slice: BatchSlice,
    resources: dict[str, list[dict[str, Any]]],
    memory: int | None,
    wait: _LeaseWait,
    share: _AllocationShare | None = None,
) -> BatchPool:
    """Lease what the batch needs of `resources`, and of its `share` of an allocation."""
    candidates = candidate_ids(ResourcePool({"resources": resources}), batch_slice)
    if share is not None and batch_slice.batch.nodes > 1:  # a job of several nodes gets all ids of each
        candidates |= {resource_type: (len(ids), ids) for resource_type, ids in share.ids.items() if ids}
    name_of = {
        resource_type: resource_type if share is None else share.type_of(resource_type) for resource_type in candidates
    }
    locks = sorted({lock for job in batch_slice.jobs for lock in job.locks})
    requests = {name_of[resource_type]: value for resource_type, value in candidates.items()} | {
        LOCKS: (len(locks), locks)
    }
    requests |= share.memory_parts(batch_slice, memory) if share is not None else {}

    requested = {name: count for name, (count, _) in requests.items()}
    lease = wait.acquire(requested, {name: ids for name, (_, ids) in requests.items()})
    held = {resource_type: set(lease.ids[name]) for resource_type, name in name_of.items()}
    if share is not None:
        for more in share.further(batch_slice, held):
            lease.join(more)
        lease.rename({share.type_of(resource_type): resource_type for resource_type in (*name_of, *share.ids)})
        held = {resource_type: set(lease.ids.get(resource_type, ())) for resource_type in (*name_of, *share.ids)}
    leased = {
        resource_type: [item for item in resources[resource_type] if str(item["id"]) in ids]
        for resource_type, ids in held.items()
    }
    return BatchPool(ResourcePool({"resources": leased}), memory, lease)


def _ids(pool: ResourcePool) -> dict[str, list[str]]:
    return {resource_type: [str(item["id"]) for item in items] for resource_type, items in pool.resources.items()}


def _with_nominal_nodes(batch_slice: BatchSlice) -> dict[str, list[dict[str, Any]]]:
    """Return this machine's resources, with further ids where a job of several nodes needs more than one node has.

    The further ids are ordinals, like those of -r: they are handed out and leased, but name no device of this machine.
    """
    resources = {resource_type: list(items) for resource_type, items in batch_slice.resource_pool["resources"].items()}
    for job in batch_slice.jobs:
        for resource_type, requested in _multi_node_request(job):
            items = resources.setdefault(resource_type, [])
            used = {str(item["id"]) for item in items}
            further = (str(number) for number in itertools.count() if str(number) not in used)
            missing = requested - sum(int(item["slots"]) for item in items)
            items.extend({"id": name, "slots": 1} for name in itertools.islice(further, max(missing, 0)))
    return resources


def _visible_resources(
    batch_slice: BatchSlice, resources: dict[str, list[dict[str, Any]]], environment: Mapping[str, str]
) -> dict[str, list[dict[str, Any]]]:
    """Return `resources` with only the GPUs that are visible in this environment, if these are enough.

    If they are not, the plan was made for more GPUs on purpose. A CTest resource specification file is taken as it is.
    """
    visible = visible_gpus(environment)
    planned = resources.get("gpus", [])
    if not visible or not planned or any(job.ctest is not None and job.ctest.allocates for job in batch_slice.jobs):
        return resources
    known = {str(item["id"]) for item in planned}
    left = [item for item in planned if str(item["id"]) in visible]
    if all(int(item["slots"]) == 1 for item in planned):
        left += [{"id": name, "slots": 1} for name in visible if name not in known]
    elif not left:
        return resources
    needed, _ = candidate_ids(ResourcePool({"resources": resources}), batch_slice).get("gpus", (0, []))
    if len(left) >= needed:
        return {**resources, "gpus": left}
    shortage = f"needs {amount(needed, 'gpus')}, but only {','.join(visible)} are visible"
    say(f"batch {batch_slice.batch.id}: {shortage}; using the plan's ids")
    return resources


def _multi_node_request(job: PlannedJob) -> Iterable[tuple[str, int]]:
    """Return what a job of several nodes requests, by type; empty for any other job."""
    return job.requested.items() if job.nodes > 1 else ()


def _allocation(batch_slice: BatchSlice, environment: Mapping[str, str]) -> "SlurmAllocation | None":
    if not environment.get("SLURM_JOB_ID"):
        return None
    from canary_wf.resources.slurm.allocation import allocated_resources  # late, as it is for Slurm only

    return allocated_resources(environment, several_nodes=batch_slice.batch.nodes > 1)


def _report_shortage(batch_slice: BatchSlice, allocation: "SlurmAllocation") -> None:
    """Report where Slurm granted less than planned. Jobs that fit run all the same."""
    batch = batch_slice.batch
    available = allocation.pool.slots_per_resource_type
    short = [
        f"{available.get(resource_type, 0)} of {amount(requested, resource_type)}"
        for resource_type, requested in (("cpus", batch.cpus), ("gpus", batch.gpus))
        if available.get(resource_type, 0) < requested
    ]
    short += [f"{len(allocation.nodes)} of {batch.nodes} nodes"] if batch.nodes > max(len(allocation.nodes), 1) else []
    if short:
        say(f"batch {batch.id}: this allocation has less than was planned: {', '.join(short)}")


def candidate_ids(pool: ResourcePool, batch_slice: BatchSlice) -> dict[str, tuple[int, list[str]]]:
    """Return by type the number of ids that the batch needs, and the ids to choose from; an id is leased whole.

    The ids have room for the batch's peak number of slots (`ids_that_hold`).
    """
    batch = batch_slice.batch
    largest, most = largest_items(batch_slice.jobs)
    found: dict[str, tuple[int, list[str]]] = {}
    requested = batch.requested
    for job in batch_slice.jobs:  # the batch's amounts are per node
        for resource_type, slots in _multi_node_request(job):
            requested[resource_type] = max(requested.get(resource_type, 0), slots)
    for resource_type, slots in requested.items():
        sizes = {str(item["id"]): int(item["slots"]) for item in pool.resources.get(resource_type, [])}
        needed, ids = ids_that_hold(slots, sizes, largest.get(resource_type, 1), most.get(resource_type, 0))
        if needed:
            found[resource_type] = (needed, ids)
    return found
