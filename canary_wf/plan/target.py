"""The machine that is planned for: this one, or the nodes of the Slurm cluster that `sinfo` reports."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import msgspec

from canary_wf.errors import UsageError
from canary_wf.plan.model import Scheduler
from canary_wf.resources.detection import detect_memory, detect_pool
from canary_wf.resources.node import NodeShape, node_shape
from canary_wf.resources.options import pool_from_options
from canary_wf.resources.pool import ResourcePool

SINFO_SECONDS = 15
UNLIMITED_NODES = 1_000_000
"""How many nodes one job may use where the cluster sets no limit of its own."""


class Target(msgspec.Struct, frozen=True):
    """Who carries the batches, what one node offers, and the ids handed out on this machine."""

    scheduler: Scheduler
    node: NodeShape
    pool: ResourcePool


class ClusterNode(msgspec.Struct, frozen=True):
    """One line of `sinfo`: a partition's nodes of one kind; `memory` is MiB."""

    partition: str
    is_default: bool
    cpus: int
    memory: int
    gpus: int


def choose_target(
    scheduler: str, requested: Mapping[str, int], pool_file: Path | None, *, query_gpus: bool = False
) -> Target:
    """Return what to plan for: `scheduler` is ``auto``, ``local`` or ``slurm``, `requested` what `-r` said.

    With `query_gpus` the vendors' libraries are asked for this machine's GPUs. Raises UsageError when Slurm is asked
    for and neither `sinfo` nor the options say what its nodes have, and when there is no library to ask.
    """
    nodes = [] if scheduler == "local" else ask_sinfo()
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
    return _slurm_target(nodes, requested, pool_file)


def _slurm_target(nodes: list[ClusterNode], requested: Mapping[str, int], pool_file: Path | None) -> Target:
    largest = max(nodes, key=lambda node: (node.gpus, node.cpus, node.memory), default=None)
    found = ResourcePool()
    found.populate(cpus=largest.cpus if largest else 0, gpus=largest.gpus if largest else 0)
    pool = _one_slot_each(pool_from_options(requested, pool_file, found))
    memory = requested.get("memory") or (largest.memory if largest else None)
    return Target("slurm", node_shape(pool, memory, requested.get("nodes", UNLIMITED_NODES)), pool)


def _one_slot_each(pool: ResourcePool) -> ResourcePool:
    """Return `pool` with CPUs and GPUs as Slurm hands them out: whole."""
    state = pool.getstate()
    for kind in ("cpus", "gpus"):
        for item in state["resources"].get(kind, ()):
            item["slots"] = min(1, item["slots"])
    return ResourcePool(state)


def ask_sinfo() -> list[ClusterNode]:
    """Return the kinds of nodes of the default partition (of all when none is), or nothing without a `sinfo`."""
    import subprocess

    program = shutil.which("sinfo")
    if program is None:
        return []
    try:
        answer = subprocess.run(
            [program, "--noheader", "--format=%P|%c|%m|%G"],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=True,
            timeout=SINFO_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    nodes = [node for line in answer.stdout.splitlines() if (node := parse_sinfo(line)) is not None]
    default = [node for node in nodes if node.is_default]
    return default or nodes


def parse_sinfo(line: str) -> ClusterNode | None:
    """Return one ``partition|cpus|memory|gres`` line of `sinfo`, or None when it is not of that form."""
    fields = line.strip().split("|")
    if len(fields) != 4 or not fields[1].rstrip("+").isdigit() or not fields[2].rstrip("+").isdigit():  # noqa: PLR2004
        return None
    # gpu:4, gpu:a100:4, gpu:a100:4(S:0-1); a comma separates several
    gpus = sum(int(count) for count in re.findall(r"(?:^|,)gpu(?::[^:,()]+)?:(\d+)", fields[3]))
    partition, cpus, memory = fields[0], int(fields[1].rstrip("+")), int(fields[2].rstrip("+"))
    return ClusterNode(partition.rstrip("*"), partition.endswith("*"), cpus, memory, gpus)
