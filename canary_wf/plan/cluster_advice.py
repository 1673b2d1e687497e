"""What somebody who plans for a cluster should know before submitting: each warning is one line."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from canary_wf.plan.file_system import local_file_system
from canary_wf.plan.slurm_options import VARIABLES, SlurmOptions
from canary_wf.plan.target import Target

_NO_OPTIONS = SlurmOptions()


def cluster_warnings(
    target: Target, out: Path, slurm: SlurmOptions = _NO_OPTIONS, environment: Mapping[str, str] = os.environ
) -> list[str]:
    """Return the warnings about running in `out` on `target` with the options of `slurm`; none for this machine."""
    if target.scheduler != "slurm":
        return []
    told = [*_from_the_shell(slurm, environment), *_unknown_limits(target), *_not_shared(out)]
    return [*told, *(f"{what}: batches wait until that changes, or are refused" for what in target.unavailable)]


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
