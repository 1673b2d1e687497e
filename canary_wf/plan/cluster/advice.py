"""Warnings, one line each, for a plan for a cluster and for a user for whom Snakemake cannot write its cache.

Source for mounts: ``/proc/self/mountinfo`` (proc(5)).
"""

import os
import re
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from canary_wf.plan.cluster.slurm_options import VARIABLES, SlurmOptions
from canary_wf.plan.cluster.target import Target

_NO_OPTIONS = SlurmOptions()
_EXECUTORS = {"slurm": "snakemake_executor_plugin_slurm", "slurm-sbatch": "snakemake_executor_plugin_cluster_generic"}


def cluster_warnings(
    target: Target, out: Path, slurm: SlurmOptions = _NO_OPTIONS, environment: Mapping[str, str] = os.environ
) -> list[str]:
    """Return the warnings about running in `out` on `target` with the options `slurm`. This machine has none."""
    if target.scheduler != "slurm":
        return []
    warnings = [*_from_the_shell(slurm, environment), *_unknown_limits(target), *_not_shared(out), *_no_executor()]
    return [*warnings, *(f"{what}: batches wait until that changes, or are refused" for what in target.unavailable)]


def slurm_profile() -> str:
    """Return the profile that runs a plan for Slurm: the first whose executor is installed, else `slurm`."""
    return next((profile for profile, plugin in _EXECUTORS.items() if find_spec(plugin)), "slurm")


def profile_for(scheduler: str) -> str:
    """Return the profile that runs a plan for `scheduler`."""
    return slurm_profile() if scheduler == "slurm" else "local"


def cache_warnings(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return a warning if Snakemake cannot write its cache, for example for a user without a home.

    Snakemake would end with a traceback.
    """
    home = environment.get("HOME") or os.path.expanduser("~")  # noqa: PTH111 - Path.home() raises without a home
    folder = Path(environment.get("XDG_CACHE_HOME") or Path(home) / ".cache")
    existing = next((path for path in (folder, *folder.parents) if os.path.lexists(path)), folder)
    if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
        return []
    return [f"{folder}: Snakemake cannot write its cache there; first run export XDG_CACHE_HOME=FOLDER"]


def _no_executor() -> Iterator[str]:
    if not any(find_spec(plugin) for plugin in _EXECUTORS.values()):
        yield "Snakemake has no executor for Slurm in this environment: pip install 'canary-wf[slurm]'"


def _from_the_shell(slurm: SlurmOptions, environment: Mapping[str, str]) -> Iterator[str]:
    found = {key: environment.get(variable) for key, variable in VARIABLES.items()}
    equal = [f"{VARIABLES[key]}={value}" for key, value in found.items() if value and value == getattr(slurm, key)]
    if equal:
        yield f"taken from the environment: {', '.join(equal)}; override with --slurm KEY=VALUE"


def _unknown_limits(target: Target) -> Iterator[str]:
    if target.partitions is None:
        yield (
            "the limits of the partition are unknown, because sinfo and scontrol do not answer here:"
            " sbatch refuses batches that exceed them"
        )


def _not_shared(out: Path) -> Iterator[str]:
    found = local_file_system(out)
    if found is not None:
        yield f"OUT is on a local disk of this machine ({found}): use -d to choose a folder that all nodes see"


MOUNTS = Path("/proc/self/mountinfo")

_LOCAL = frozenset(
    {"btrfs", "ext2", "ext3", "ext4", "f2fs", "jfs", "overlay", "ramfs", "reiserfs", "tmpfs", "vfat", "xfs", "zfs"}
)
"""Types of file systems that are local to one machine. There is no warning about other types."""

_OCTAL = re.compile(r"\\([0-7]{3})")


def local_file_system(folder: Path, mounts: Path = MOUNTS) -> str | None:
    """Return the file system type and mount point of the local disk of `folder`, or None if it may be shared.

    `folder` need not exist yet.
    """
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    path = os.path.realpath(folder)
    best: tuple[str, str] | None = None
    for line in lines:
        before, dash, after = line.partition(" - ")
        fields = before.split(" ")
        if not dash or len(fields) < 5:  # noqa: PLR2004 - the mount point is the fifth field
            continue
        point = _OCTAL.sub(lambda match: chr(int(match[1], 8)), fields[4])
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and (best is None or len(point) >= len(best[0])):  # a later mount on the same point hides the earlier
            best = (point, after.split(" ")[0])
    return f"{best[1]} on {best[0]}" if best is not None and best[1] in _LOCAL else None
