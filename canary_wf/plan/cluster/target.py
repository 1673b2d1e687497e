"""The machine that is planned for: this one, or the nodes of the Slurm cluster that `sinfo` reports."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from canary_wf.errors import UsageError
from canary_wf.plan.cluster.nodes import ClusterNode, ask_sinfo, kinds_of, out_of_use
from canary_wf.plan.cluster.partition_limits import PartitionLimits, ask_partitions
from canary_wf.plan.cluster.slurm_options import SlurmOptions
from canary_wf.resources.detection import detect_memory, detect_pool
from canary_wf.resources.node import NodeShape, node_shape
from canary_wf.resources.options import pool_from_options, read_pool
from canary_wf.resources.pool import ResourcePool
from canary_wf.spec.batch_slice import Scheduler

UNLIMITED_NODES = 1_000_000
"""How many nodes one job may use where the cluster sets no limit of its own."""

_NO_OPTIONS = SlurmOptions()


class Target(msgspec.Struct, frozen=True):
    """Who carries the batches, what one node offers, and the ids handed out on this machine.

    `partitions` are those that batches may go to, None when their limits are not known. `others` are targets with nodes
    of another kind, of which there are some in these partitions, too. `requested` is what `-r` said, None where a pool
    file was given, which says everything. `specified` says whether a file describes the resources, `unavailable` what
    of the nodes takes no jobs now.
    """

    scheduler: Scheduler
    node: NodeShape
    pool: ResourcePool
    partitions: tuple[PartitionLimits, ...] | None = None
    others: tuple["Target", ...] = ()
    requested: dict[str, int] | None = None
    specified: bool = False
    unavailable: tuple[str, ...] = ()


def choose_target(
    scheduler: str,
    requested: Mapping[str, int],
    pool_file: Path | None,
    slurm: SlurmOptions = _NO_OPTIONS,
    *,
    query_gpus: bool = False,
) -> Target:
    """Return what to plan for: `scheduler` is ``auto``, ``local`` or ``slurm``, `requested` what `-r` said.

    With `slurm` the nodes are those of its partition, and of them those that its constraint and GPU model name. With
    `query_gpus` the vendors' libraries are asked for this machine's GPUs. Raises UsageError when Slurm is asked for and
    neither `sinfo` nor the options say what its nodes have, when there is no library to ask, and for another scheduler.
    """
    if scheduler not in {"auto", "local", "slurm"}:
        raise UsageError(f"{scheduler!r} is not known", where="-b scheduler", hint="write auto, local or slurm")
    nodes = [] if scheduler == "local" else ask_sinfo(slurm)
    if scheduler == "local" or (scheduler == "auto" and not nodes):
        pool = pool_from_options(requested, pool_file, detect_pool(query_libraries=query_gpus))
        memory = requested.get("memory") or detect_memory()
        asked = dict(requested) if pool_file is None else None
        return Target("local", node_shape(pool, memory), pool, requested=asked, specified=pool_file is not None)
    if not nodes and "cpus" not in requested and pool_file is None:
        raise UsageError(
            "there is no sinfo here to ask what the nodes have",
            where="-b scheduler=slurm",
            hint="say it with -r cpus=N",
        )
    partitions = ask_partitions(slurm.partition) if nodes else None
    kinds: list[ClusterNode | None] = [*kinds_of(nodes)] or [None]
    first, *others = [_slurm_target(kind, requested, pool_file, partitions) for kind in kinds]
    different = tuple(other for other in others if other.node != first.node)
    return msgspec.structs.replace(first, others=different, unavailable=tuple(out_of_use(nodes)))


def with_pool_files(target: Target, files: Sequence[Path]) -> Target:
    """Return `target`, this machine, with what the pool `files` of the tests say where the user said nothing.

    What several files name counts together; of an id the most slots. Raises InputError for a wrong file.
    """
    if target.scheduler != "local" or target.requested is None or not files:
        return target
    named: dict[str, dict[str, int]] = {}
    for file in files:
        for kind, items in read_pool(file).resources.items():
            slots = named.setdefault(kind, {})
            for item in items:
                slots[str(item["id"])] = max(slots.get(str(item["id"]), 0), int(item["slots"]))
    state = target.pool.getstate()
    for kind, slots in named.items():
        if slots or kind not in state["resources"]:
            state["resources"][kind] = [{"id": name, "slots": number} for name, number in slots.items()]
    pool = pool_from_options(target.requested, None, ResourcePool(state))
    return msgspec.structs.replace(target, pool=pool, node=node_shape(pool, target.node.memory), specified=True)


def _slurm_target(
    node: ClusterNode | None,
    requested: Mapping[str, int],
    pool_file: Path | None,
    partitions: list[PartitionLimits] | None,
) -> Target:
    """Return the target with nodes like `node` (None: only what is requested is known)."""
    limits = partitions or []
    found = ResourcePool()
    cpus = _capped(node.cpus, [limit.cpus for limit in limits]) if node else 0
    found.populate(cpus=cpus, gpus=node.gpus if node else 0)
    pool = _one_slot_each(pool_from_options(requested, pool_file, found))
    granted = _capped(node.memory, [limit.memory_of(cpus) for limit in limits]) if node else None
    memory = requested.get("memory") or granted
    most = _capped(UNLIMITED_NODES, [limit.nodes for limit in limits])
    shape = node_shape(pool, memory, requested.get("nodes", most))
    limited = None if partitions is None else tuple(partitions)
    return Target("slurm", shape, pool, limited, specified=pool_file is not None)


def _capped(size: int, limits: list[int | None]) -> int:
    """Return what a job may have of `size`: the most that one of the partitions' `limits` (None: no limit) leaves."""
    return max((size if limit is None else min(size, limit) for limit in limits), default=size)


def _one_slot_each(pool: ResourcePool) -> ResourcePool:
    """Return `pool` with CPUs and GPUs as Slurm hands them out: whole."""
    state = pool.getstate()
    for kind in ("cpus", "gpus"):
        for item in state["resources"].get(kind, ()):
            item["slots"] = min(1, item["slots"])
    return ResourcePool(state)
