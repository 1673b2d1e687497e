"""Where the ids of a batch come from: the Slurm allocation it runs in, or a lease on this machine's."""

import itertools
import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from canary_wf.execution.progress import say
from canary_wf.job.resource_groups import largest_items
from canary_wf.plan.batch_slice import BatchSlice, PlannedJob
from canary_wf.resources.leases import LOCKS, HostLeases, Lease
from canary_wf.resources.pool import ResourcePool
from canary_wf.resources.whole_ids import ids_that_hold
from canary_wf.wording import amount

if TYPE_CHECKING:
    from canary_wf.resources.granted import Granted


class BatchPool(NamedTuple):
    """The pool of one batch, its memory (MiB, None when not known), and the lease that ends with the ``with`` block.

    `bindable` says whether CPU ids that are numbers are those of the operating system. `nodes` are the names of a Slurm
    job's nodes where the batch has several.
    """

    pool: ResourcePool
    memory: int | None
    lease: Lease | None
    bindable: bool = True
    nodes: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Let others on this host have the ids."""
        if self.lease is not None:
            self.lease.release()


def open_pool(
    part: BatchSlice, environment: Mapping[str, str] = os.environ, hold: Callable[[], None] = lambda: None
) -> BatchPool:
    """Return the pool for the batch of `part`, waiting for ids and locks that other batches on this host still hold.

    While it waits it calls `hold` several times a second, which may raise to end the wait.
    Inside a Slurm allocation CPUs and GPUs are those granted, and only what Slurm does not know is leased.
    """
    granted = _granted(part, environment)
    if granted is not None:
        _tell_shortage(part, granted)
    planned = ResourcePool({"resources": part.resource_pool["resources"]} if granted else _with_nominal_nodes(part))
    known = () if granted is None else granted.pool.types
    candidates = {kind: ids for kind, ids in candidates_of(planned, part).items() if kind not in known}
    locks = sorted({lock for job in part.jobs for lock in job.locks})
    if granted is not None and not candidates and not locks:
        return BatchPool(granted.pool, granted.memory or part.batch.memory, None, granted.bindable, granted.nodes)
    wanted = {kind: count for kind, (count, _) in candidates.items()} | {LOCKS: len(locks)}

    def never() -> bool:
        hold()
        return False

    names = {kind: ids for kind, (_, ids) in candidates.items()} | {LOCKS: locks}
    lease = HostLeases().acquire(wanted, names, on_wait=say, give_up=never)
    held = {kind: set(ids) for kind, ids in lease.ids.items() if kind != LOCKS}
    leased = {kind: [item for item in planned.resources[kind] if str(item["id"]) in ids] for kind, ids in held.items()}
    if granted is None:
        return BatchPool(ResourcePool({"resources": leased}), part.batch.memory, lease)
    pool = ResourcePool({"resources": {**granted.pool.getstate()["resources"], **leased}})
    return BatchPool(pool, granted.memory or part.batch.memory, lease, granted.bindable, granted.nodes)


def _with_nominal_nodes(part: BatchSlice) -> dict[str, Any]:
    """Return the state of the pool on this machine, with more ids where a job of several nodes wants more than one has.

    Like those that -r declares they are ordinals, handed out and leased, which name no CPU or GPU of this machine.
    """
    resources = {kind: list(items) for kind, items in part.resource_pool["resources"].items()}
    for job in part.jobs:
        for kind, wanted in _amounts_over_nodes(job):
            items = resources.setdefault(kind, [])
            used = {str(item["id"]) for item in items}
            further = (str(number) for number in itertools.count() if str(number) not in used)
            missing = wanted - sum(int(item["slots"]) for item in items)
            items.extend({"id": name, "slots": 1} for name in itertools.islice(further, max(missing, 0)))
    return {"resources": resources}


def _amounts_over_nodes(job: PlannedJob) -> Iterable[tuple[str, int]]:
    """Return what a job of several nodes asks for, by type; nothing for any other."""
    return {"cpus": job.cpus, "gpus": job.gpus, **job.resources}.items() if job.nodes > 1 else ()


def _granted(part: BatchSlice, environment: Mapping[str, str]) -> "Granted | None":
    if not environment.get("SLURM_JOB_ID"):
        return None
    from canary_wf.resources.granted import granted_resources  # late, as it is for Slurm only

    return granted_resources(environment, several_nodes=part.batch.nodes > 1)


def _tell_shortage(part: BatchSlice, granted: "Granted") -> None:
    """Tell of what Slurm gave less than was planned; jobs that fit run all the same."""
    batch = part.batch
    there = granted.pool.slots_per_resource_type
    short = [
        f"{there.get(kind, 0)} of {amount(wanted, kind)}"
        for kind, wanted in (("cpus", batch.cpus), ("gpus", batch.gpus))
        if there.get(kind, 0) < wanted
    ]
    short += [f"{len(granted.nodes)} of {batch.nodes} nodes"] if batch.nodes > max(len(granted.nodes), 1) else []
    if short:
        say(f"batch {batch.id}: this allocation has less than was planned: {', '.join(short)}")


def candidates_of(pool: ResourcePool, part: BatchSlice) -> dict[str, tuple[int, list[str]]]:
    """Return for each type how many ids the batch needs, and which will do; an id is leased whole.

    They hold the slots that the batch peaks at (`ids_that_hold`).
    """
    batch = part.batch
    largest, most = largest_items(part.jobs)
    found: dict[str, tuple[int, list[str]]] = {}
    wanted = {"cpus": batch.cpus, "gpus": batch.slots_of_gpus, **batch.resources}
    for job in part.jobs:  # the batch's numbers are those of one node
        for kind, slots in _amounts_over_nodes(job):
            wanted[kind] = max(wanted.get(kind, 0), slots)
    for kind, slots in wanted.items():
        sizes = {str(item["id"]): int(item["slots"]) for item in pool.resources.get(kind, [])}
        needed, ids = ids_that_hold(slots, sizes, largest.get(kind, 1), most.get(kind, 0))
        if needed:
            found[kind] = (needed, ids)
    return found
