"""Where the ids of a batch come from: the Slurm allocation it runs in, or a lease on this machine's."""

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
from canary_wf.resources.slurm.text import allocation
from canary_wf.resources.visible import visible_gpus
from canary_wf.run.progress import say
from canary_wf.spec.batch_slice import BatchSlice, PlannedJob
from canary_wf.wording import amount

if TYPE_CHECKING:
    from canary_wf.resources.slurm.allocation import Granted
    from canary_wf.run.generated_resources import GeneratedPools


_PARTS = 64
"""Parts of an allocation's memory that batches lease; a batch that needs a bit of one takes it whole."""


class BatchPool(NamedTuple):
    """The pool of one batch, its memory (MiB, None when not known), and the lease that ends with the ``with`` block.

    `bindable` says whether CPU ids that are numbers are those of the operating system. `nodes` are the names of a Slurm
    job's nodes where the batch has several, `generated` the pools of files that its tests make.
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
        """Let others on this host have the ids."""
        if self.lease is not None:
            self.lease.release()
        if self.generated is not None:
            self.generated.release()


def open_pool(
    part: BatchSlice,
    environment: Mapping[str, str] = os.environ,
    hold: Callable[[], None] = lambda: None,
    *,
    alone: bool = True,
    waiting: Path | None = None,
) -> BatchPool:
    """Return the pool for the batch of `part`, waiting for ids and locks that other batches on this host still hold.

    While it waits it calls `hold` several times a second, which may raise to end the wait, and says in the file
    `waiting` what it waits for.
    Inside a Slurm allocation CPUs, GPUs and memory are of what was granted, shared with the batches that run in the
    same one; what Slurm does not know is leased as on any host. With `alone`, no other batch of the plan is to run in
    the allocation, so that this one takes what is free of it, as far as its jobs can use it.
    """
    granted = _granted(part, environment)
    if granted is None:
        resources = _still_visible(part, _with_nominal_nodes(part), environment)
        found = _leased(part, resources, part.batch.memory, _Patience(hold, waiting))
        if not any(map(is_generated, part.jobs)):
            return found
        from canary_wf.run.generated_resources import GeneratedPools  # late: start-up

        return found._replace(generated=GeneratedPools())
    _tell_shortage(part, granted)
    share = _Share(granted, allocation(environment), alone=alone)
    memory = min(filter(None, (granted.memory, part.batch.memory)), default=None)
    others = {kind: ids for kind, ids in part.resource_pool["resources"].items() if kind not in granted.pool.types}
    resources = {**granted.pool.getstate()["resources"], **others}
    pool = _leased(part, resources, memory, _Patience(hold, waiting), share)
    return pool._replace(bindable=granted.bindable, nodes=granted.nodes)


class _Patience:
    """The wait of a batch: `hold` is called meanwhile, and the log and the file `waiting` say what is waited for."""

    def __init__(self, hold: Callable[[], None], waiting: Path | None) -> None:
        self._hold = hold
        self._waiting = waiting
        self._since = time.time()
        self._told = False

    def acquire(self, wanted: Mapping[str, int], names: Mapping[str, Sequence[str]]) -> Lease:
        """Return the lease once there is one."""
        try:
            return HostLeases().acquire(wanted, names, on_wait=self._tell, give_up=self._never)
        finally:
            if self._told and self._waiting is not None:
                self._waiting.unlink(missing_ok=True)

    def _never(self) -> bool:
        self._hold()
        return False

    def _tell(self, what: str) -> None:
        say(what)
        if self._waiting is not None:
            self._told = True
            try:
                from canary_wf.state.waiting import note_waiting  # late: start-up

                note_waiting(self._waiting, what, self._since)
            except WorkspaceError as error:
                say(f"that it waits is not noted: {error}")


class _Share:
    """What a batch leases of an allocation: its ids bear names of their own, so that only batches in it meet there."""

    def __init__(self, granted: "Granted", name: str, *, alone: bool) -> None:
        self._granted = granted
        self._name = name
        self._alone = alone
        self.ids = _ids(granted.pool)

    def type_of(self, kind: str) -> str:
        """Return the name under which ids of `kind` are leased."""
        return allocation_type(self._name, kind) if kind in self.ids else kind

    def memory_parts(self, part: BatchSlice, memory: int | None) -> dict[str, tuple[int, list[str]]]:
        """Return how many of which parts of the memory the batch needs; none where nobody knows."""
        if not (self._granted.memory and part.batch.memory and memory):
            return {}
        number = -(-memory * _PARTS // self._granted.memory)
        return {allocation_type(self._name, "parts of the memory"): (number, [str(each) for each in range(_PARTS)])}

    def further(self, part: BatchSlice, held: Mapping[str, set[str]]) -> list[Lease]:
        """Lease what nobody holds or waits for, as far as the jobs can use it beside what is `held`."""
        found = []
        sums = {"cpus": sum(job.cpus for job in part.jobs), "gpus": sum(job.gpus for job in part.jobs)}
        for kind, ids in self.ids.items() if self._alone else ():
            free = [name for name in ids if name not in held.get(kind, ())]
            number = min(len(free), sums.get(kind, 0) - len(held.get(kind, ())))
            if number > 0:
                name = self.type_of(kind)
                lease = HostLeases().acquire_now({name: number}, {name: free})
                found += [] if lease is None else [lease]  # what is not free at once is not needed
        return found


def _leased(
    part: BatchSlice,
    resources: dict[str, list[dict[str, Any]]],
    memory: int | None,
    patience: _Patience,
    share: _Share | None = None,
) -> BatchPool:
    """Lease what the batch needs of `resources`; of an allocation its `share`."""
    candidates = candidates_of(ResourcePool({"resources": resources}), part)
    if share is not None and part.batch.nodes > 1:  # a job of several nodes has all of each
        candidates |= {kind: (len(ids), ids) for kind, ids in share.ids.items() if ids}
    name_of = {kind: kind if share is None else share.type_of(kind) for kind in candidates}
    locks = sorted({lock for job in part.jobs for lock in job.locks})
    asked = {name_of[kind]: value for kind, value in candidates.items()} | {LOCKS: (len(locks), locks)}
    asked |= share.memory_parts(part, memory) if share is not None else {}

    wanted = {name: count for name, (count, _) in asked.items()}
    lease = patience.acquire(wanted, {name: ids for name, (_, ids) in asked.items()})
    held = {kind: set(lease.ids[name]) for kind, name in name_of.items()}
    if share is not None:
        for more in share.further(part, held):
            lease.join(more)
        lease.rename({share.type_of(kind): kind for kind in (*name_of, *share.ids)})
        held = {kind: set(lease.ids.get(kind, ())) for kind in (*name_of, *share.ids)}
    leased = {kind: [item for item in resources[kind] if str(item["id"]) in ids] for kind, ids in held.items()}
    return BatchPool(ResourcePool({"resources": leased}), memory, lease)


def _ids(pool: ResourcePool) -> dict[str, list[str]]:
    return {kind: [str(item["id"]) for item in items] for kind, items in pool.resources.items()}


def _with_nominal_nodes(part: BatchSlice) -> dict[str, list[dict[str, Any]]]:
    """Return the resources of this machine, with more ids where a job of several nodes wants more than one has.

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
    return resources


def _still_visible(
    part: BatchSlice, resources: dict[str, list[dict[str, Any]]], environment: Mapping[str, str]
) -> dict[str, list[dict[str, Any]]]:
    """Return `resources` with the GPUs that the shell of this run leaves visible, where these are enough.

    Where they are not, somebody planned with more on purpose. A specification of CTest's decides for itself.
    """
    visible = visible_gpus(environment)
    planned = resources.get("gpus", [])
    if not visible or not planned or any(job.ctest is not None and job.ctest.allocates for job in part.jobs):
        return resources
    known = {str(item["id"]) for item in planned}
    left = [item for item in planned if str(item["id"]) in visible]
    if all(int(item["slots"]) == 1 for item in planned):
        left += [{"id": name, "slots": 1} for name in visible if name not in known]
    elif not left:
        return resources
    needed, _ = candidates_of(ResourcePool({"resources": resources}), part).get("gpus", (0, []))
    if len(left) >= needed:
        return {**resources, "gpus": left}
    shown = ",".join(visible)
    say(f"batch {part.batch.id}: needs {amount(needed, 'gpus')}, of which {shown} are visible; the plan's ids count")
    return resources


def _amounts_over_nodes(job: PlannedJob) -> Iterable[tuple[str, int]]:
    """Return what a job of several nodes asks for, by type; nothing for any other."""
    return {"cpus": job.cpus, "gpus": job.gpus, **job.resources}.items() if job.nodes > 1 else ()


def _granted(part: BatchSlice, environment: Mapping[str, str]) -> "Granted | None":
    if not environment.get("SLURM_JOB_ID"):
        return None
    from canary_wf.resources.slurm.allocation import granted_resources  # late, as it is for Slurm only

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
