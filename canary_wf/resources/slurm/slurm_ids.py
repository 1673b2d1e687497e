"""Ids of Slurm jobs: ``12``, or ``12_3`` for a task of an array."""

import os
from collections.abc import Mapping


def own_ids(environment: Mapping[str, str] = os.environ) -> set[str]:
    """Return the ids under which Slurm knows the job that this process runs in; none outside of an allocation."""
    task = f"{environment.get('SLURM_ARRAY_JOB_ID')}_{environment.get('SLURM_ARRAY_TASK_ID')}"
    return {name for name in (environment.get("SLURM_JOB_ID"), task) if name and is_id(name)}


def this_node(environment: Mapping[str, str] = os.environ) -> str:
    """Return the name that Slurm has for this node; several may be on one machine."""
    return environment.get("SLURMD_NODENAME") or os.uname().nodename.partition(".")[0]


def allocation(environment: Mapping[str, str]) -> str:
    """Return a name for what this process's Slurm job was granted on this node."""
    return "/".join((environment.get("SLURM_CLUSTER_NAME", ""), environment["SLURM_JOB_ID"], this_node(environment)))


def is_id(text: str) -> bool:
    """Return whether `text` has the form of an id."""
    return text.isascii() and text.replace("_", "", 1).isdecimal() and not text.startswith("_")
