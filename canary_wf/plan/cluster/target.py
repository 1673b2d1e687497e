"""The target of a plan: this machine, or the nodes of the Slurm cluster that `sinfo` reports."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from canary_wf.errors import UsageError
from canary_wf.plan.cluster.nodes import ClusterNode, ask_sinfo, node_types, out_of_use
from canary_wf.plan.cluster.partition_limits import PartitionLimits, ask_partitions
from canary_wf.plan.cluster.slurm_options import SlurmOptions
from canary_wf.resources.detection import detect_memory, detect_pool
from canary_wf.resources.node import NodeShape, node_shape
from canary_wf.resources.options import pool_from_options, read_pool
from canary_wf.resources.pool import ResourcePool
from canary_wf.spec.batch_slice import Scheduler

UNLIMITED_NODES = 1_000_000
"""Number of nodes that one job may use if the cluster has no limit."""

_NO_OPTIONS = SlurmOptions()


class Target(msgspec.Struct, frozen=True):
    """The scheduler of the batches, the shape of one node, and the pool of ids handed out on this machine.

    `partitions` are those that batches may go to, None if their limits are unknown. `others` are targets with the other
    node types of these partitions. `requested` has the values of `-r`, None if a pool file describes everything.
    `specified` says whether a file describes the resources. `unavailable` says which nodes take no jobs now.
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
    """Return the target for `scheduler` (``auto``, ``local`` or ``slurm``); `requested` has the values of `-r`.

    `slurm` restricts the nodes to its partition, constraint and GPU model. With `query_gpus`, the vendors' libraries
    report this machine's GPUs. Raises UsageError if Slurm is asked for and neither `sinfo` nor the options describe its
    nodes, if there is no library to ask, and for an unknown scheduler.
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
            "there is no sinfo here that reports what the nodes have",
            where="-b scheduler=slurm",
            hint="describe a node with -r cpus=N",
        )
    partitions = ask_partitions(slurm.partition) if nodes else None
    types: list[ClusterNode | None] = [*node_types(nodes)] or [None]
    first, *others = [_slurm_target(node, requested, pool_file, partitions) for node in types]
    different = tuple(other for other in others if other.node != first.node)
    return msgspec.structs.replace(first, others=different, unavailable=tuple(out_of_use(nodes)))


def with_pool_files(target: Target, files: Sequence[Path]) -> Target:
    """Return `target` with the resources of the tests' pool `files`, unless the user described the resources.

    This applies to this machine only. The files are merged; for an id, the largest number of slots counts. Raises
    InputError for an invalid file.
    """
    if target.scheduler != "local" or target.requested is None or not files:
        return target
    named: dict[str, dict[str, int]] = {}
    for file in files:
        for resource_type, items in read_pool(file).resources.items():
            slots = named.setdefault(resource_type, {})
            for item in items:
                slots[str(item["id"])] = max(slots.get(str(item["id"]), 0), int(item["slots"]))
    state = target.pool.getstate()
    for resource_type, slots in named.items():
        if slots or resource_type not in state["resources"]:
            state["resources"][resource_type] = [{"id": name, "slots": number} for name, number in slots.items()]
    pool = pool_from_options(target.requested, None, ResourcePool(state))
    return msgspec.structs.replace(target, pool=pool, node=node_shape(pool, target.node.memory), specified=True)


def _slurm_target(
    node: ClusterNode | None,
    requested: Mapping[str, int],
    pool_file: Path | None,
    partitions: list[PartitionLimits] | None,
) -> Target:
    """Return the target with nodes like `node` (None: only `requested` is known)."""
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
    """Return how much of `size` a job may have: the largest amount that one of the partitions' `limits` allows."""
    return max((size if limit is None else min(size, limit) for limit in limits), default=size)


def _one_slot_each(pool: ResourcePool) -> ResourcePool:
    """Return `pool` with one slot for each CPU and GPU, because Slurm allocates whole devices."""
    state = pool.getstate()
    for resource_type in ("cpus", "gpus"):
        for item in state["resources"].get(resource_type, ()):
            item["slots"] = min(1, item["slots"])
    return ResourcePool(state)
