"""What somebody who plans for a cluster, or runs where Snakemake cannot, should know before: each is one line."""

import os
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from canary_wf.plan.cluster.file_system import local_file_system
from canary_wf.plan.cluster.slurm_options import VARIABLES, SlurmOptions
from canary_wf.plan.cluster.target import Target

_NO_OPTIONS = SlurmOptions()
_EXECUTORS = {"slurm": "snakemake_executor_plugin_slurm", "slurm-sbatch": "snakemake_executor_plugin_cluster_generic"}


def cluster_warnings(
    target: Target, out: Path, slurm: SlurmOptions = _NO_OPTIONS, environment: Mapping[str, str] = os.environ
) -> list[str]:
    """Return the warnings about running in `out` on `target` with the options of `slurm`; none for this machine."""
    if target.scheduler != "slurm":
        return []
    told = [*_from_the_shell(slurm, environment), *_unknown_limits(target), *_not_shared(out), *_no_executor()]
    return [*told, *(f"{what}: batches wait until that changes, or are refused" for what in target.unavailable)]


def slurm_profile() -> str:
    """Return the profile that runs a plan for Slurm: one whose executor is installed, `slurm` before the other."""
    return next((profile for profile, plugin in _EXECUTORS.items() if find_spec(plugin)), "slurm")


def cache_warnings(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return a warning when Snakemake cannot write its cache, as for a user without a home: it ends in a traceback."""
    home = environment.get("HOME") or os.path.expanduser("~")  # noqa: PTH111 - Path.home() raises where there is none
    folder = Path(environment.get("XDG_CACHE_HOME") or Path(home) / ".cache")
    there = next((path for path in (folder, *folder.parents) if os.path.lexists(path)), folder)
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return []
    return [f"{folder}: Snakemake cannot keep its cache there; before it, type export XDG_CACHE_HOME=FOLDER"]


def _no_executor() -> Iterator[str]:
    if not any(find_spec(plugin) for plugin in _EXECUTORS.values()):
        yield "Snakemake has no executor for Slurm in this environment: pip install 'canary-wf[slurm]'"


def _from_the_shell(slurm: SlurmOptions, environment: Mapping[str, str]) -> Iterator[str]:
    found = {key: environment.get(variable) for key, variable in VARIABLES.items()}
    said = [f"{VARIABLES[key]}={value}" for key, value in found.items() if value and value == getattr(slurm, key)]
    if said:
        yield f"planned for what the shell says: {', '.join(said)}; --slurm KEY=VALUE says something else"


def _unknown_limits(target: Target) -> Iterator[str]:
    if target.partitions is None:
        yield (
            "the limits of the partition are not known, as no sinfo and scontrol answer here:"
            " sbatch refuses batches that are over them"
        )


def _not_shared(out: Path) -> Iterator[str]:
    found = local_file_system(out)
    if found is not None:
        yield f"OUT lies on a disk of this machine ({found}): choose a folder that all nodes see with -d"
