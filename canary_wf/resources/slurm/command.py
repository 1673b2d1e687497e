"""Running Slurm's commands, and the names under which Slurm knows this process's job and node."""

import os
from collections.abc import Mapping
from typing import NamedTuple

SECONDS = 15.0
"""Seconds that a command may take to answer."""


class Answer(NamedTuple):
    """The output of a command, and whether it succeeded."""

    text: str
    ok: bool


def ask_slurm(*command: str, seconds: float = SECONDS) -> Answer:
    """Return the answer of `command`; if it is missing or takes too long, the answer is empty and not `ok`.

    The command is searched on the PATH, because Slurm may be installed anywhere.
    """
    import subprocess

    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return Answer("", ok=False)
    return Answer(done.stdout.decode("utf-8", "replace"), done.returncode == 0)


def own_ids(environment: Mapping[str, str] = os.environ) -> set[str]:
    """Return the ids under which Slurm knows the job that this process runs in; empty outside of an allocation."""
    task = f"{environment.get('SLURM_ARRAY_JOB_ID')}_{environment.get('SLURM_ARRAY_TASK_ID')}"
    return {name for name in (environment.get("SLURM_JOB_ID"), task) if name and is_id(name)}


def this_node(environment: Mapping[str, str] = os.environ) -> str:
    """Return Slurm's name for this node; one machine may be several nodes."""
    return environment.get("SLURMD_NODENAME") or os.uname().nodename.partition(".")[0]


def allocation_name(environment: Mapping[str, str]) -> str:
    """Return a name for the share of this node that belongs to this process's Slurm job."""
    return "/".join((environment.get("SLURM_CLUSTER_NAME", ""), environment["SLURM_JOB_ID"], this_node(environment)))


def is_id(text: str) -> bool:
    """Return whether `text` has the form of an id."""
    return text.isascii() and text.replace("_", "", 1).isdecimal() and not text.startswith("_")
