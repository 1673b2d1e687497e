"""The machine that is planned for: this one, or the nodes of the Slurm cluster that `sinfo` reports."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import msgspec

from canary_wf.errors import UsageError
from canary_wf.plan.model import Scheduler
from canary_wf.plan.partition_limits import PartitionLimits, ask_partitions
from canary_wf.plan.slurm_options import SlurmOptions
from canary_wf.resources.detection import detect_memory, detect_pool
from canary_wf.resources.node import NodeShape, node_shape
from canary_wf.resources.options import pool_from_options
from canary_wf.resources.pool import ResourcePool

SINFO_SECONDS = 15
UNLIMITED_NODES = 1_000_000
"""How many nodes one job may use where the cluster sets no limit of its own."""

_NO_OPTIONS = SlurmOptions()
_LINE = re.compile(r"([^|]*)\|(\d+)\+?\|(\d+)\+?\|([^|]*)(?:\|([^|]*))?")


class Target(msgspec.Struct, frozen=True):
    """Who carries the batches, what one node offers, and the ids handed out on this machine.

    `partitions` are those that batches may go to, None when their limits are not known.
    """

    scheduler: Scheduler
    node: NodeShape
    pool: ResourcePool
    partitions: tuple[PartitionLimits, ...] | None = None


class ClusterNode(msgspec.Struct, frozen=True):
    """One line of `sinfo`: a partition's nodes of one kind; `memory` is MiB."""

    partition: str
    is_default: bool
    cpus: int
    memory: int
    gpus: int
    features: tuple[str, ...] = ()


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
    neither `sinfo` nor the options say what its nodes have, and when there is no library to ask.
    """
    nodes = [] if scheduler == "local" else ask_sinfo(slurm)
    if scheduler == "local" or (scheduler == "auto" and not nodes):
        pool = pool_from_options(requested, pool_file, detect_pool(query_libraries=query_gpus))
        memory = requested.get("memory") or detect_memory()
        return Target("local", node_shape(pool, memory), pool)
    if not nodes and "cpus" not in requested and pool_file is None:
        raise UsageError(
            "there is no sinfo here to ask what the nodes have",
            where="-b scheduler=slurm",
            hint="say it with -r cpus=N",
        )
    partitions = ask_partitions(slurm.partition) if nodes else None
    return _slurm_target(nodes, requested, pool_file, partitions)


def _slurm_target(
    nodes: list[ClusterNode],
    requested: Mapping[str, int],
    pool_file: Path | None,
    partitions: list[PartitionLimits] | None,
) -> Target:
    largest = max(nodes, key=lambda node: (node.gpus, node.cpus, node.memory), default=None)
    limits = partitions or []
    found = ResourcePool()
    cpus = _capped(largest.cpus, [limit.cpus for limit in limits]) if largest else 0
    found.populate(cpus=cpus, gpus=largest.gpus if largest else 0)
    pool = _one_slot_each(pool_from_options(requested, pool_file, found))
    granted = _capped(largest.memory, [limit.memory_of(cpus) for limit in limits]) if largest else None
    memory = requested.get("memory") or granted
    most = _capped(UNLIMITED_NODES, [limit.nodes for limit in limits])
    shape = node_shape(pool, memory, requested.get("nodes", most))
    return Target("slurm", shape, pool, None if partitions is None else tuple(partitions))


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


def ask_sinfo(slurm: SlurmOptions = _NO_OPTIONS) -> list[ClusterNode]:
    """Return the kinds of nodes that `slurm` leads to: of its partition, else of the default one, else of all.

    Nothing without a `sinfo` that answers. Raises UsageError for a partition that is not there, and when no node of it
    has what `slurm` asks for.
    """
    lines = _run_sinfo()
    nodes = [node for line in lines if (node := parse_sinfo(line, slurm.gpu_model)) is not None]
    if not nodes:
        return []
    if slurm.partition is None:
        found = [node for node in nodes if node.is_default] or nodes
    else:
        found = _of_partitions(nodes, slurm.partition.split(","))
    return _with_features(found, slurm)


def _of_partitions(nodes: list[ClusterNode], names: list[str]) -> list[ClusterNode]:
    there = sorted({node.partition for node in nodes})
    for name in names:
        if name not in there:
            told = f"there is no partition {name!r} here"
            raise UsageError(told, where="--slurm partition", hint=f"there are {', '.join(there)}")
    return [node for node in nodes if node.partition in names]


def _with_features(nodes: list[ClusterNode], slurm: SlurmOptions) -> list[ClusterNode]:
    """Return the nodes that the constraint names where it is one word; what an expression comes to only Slurm knows."""
    if slurm.gpu_model is not None and not any(node.gpus for node in nodes):
        raise UsageError(f"no node of the partition has GPUs {slurm.gpu_model!r}", where="--slurm gpu_model")
    if slurm.constraint is None or not slurm.constraint.replace("_", "").replace("-", "").isalnum():
        return nodes
    found = [node for node in nodes if slurm.constraint in node.features]
    if not found:
        raise UsageError(f"no node of the partition has feature {slurm.constraint!r}", where="--slurm constraint")
    return found


def _run_sinfo() -> list[str]:
    import subprocess

    program = shutil.which("sinfo")
    if program is None:
        return []
    try:
        answer = subprocess.run(
            [program, "--noheader", "--format=%P|%c|%m|%G|%f"],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=True,
            timeout=SINFO_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return answer.stdout.splitlines()


def parse_sinfo(line: str, gpu_model: str | None = None) -> ClusterNode | None:
    """Return one ``partition|cpus|memory|gres|features`` line of `sinfo`, or None when it is not of that form.

    With `gpu_model` only GPUs of that model count.
    """
    match = _LINE.fullmatch(line.strip())
    if match is None:
        return None
    name, cpus, memory, gres, features = match.groups()
    # gpu:4, gpu:a100:4, gpu:a100:4(S:0-1); a comma separates several
    models = re.findall(r"(?:^|,)gpu(?::([^:,()]+))?:(\d+)(?![^,(])", gres)
    gpus = sum(int(count) for model, count in models if gpu_model in {None, model})
    listed = () if features in {None, "(null)"} else tuple(features.split(","))
    return ClusterNode(name.rstrip("*"), name.endswith("*"), int(cpus), int(memory), gpus, listed)
