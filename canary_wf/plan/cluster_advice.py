"""What somebody who plans for a cluster should know before submitting: each warning is one line."""

from collections.abc import Iterator
from pathlib import Path

from canary_wf.plan.file_system import local_file_system
from canary_wf.plan.target import Target


def cluster_warnings(target: Target, out: Path) -> list[str]:
    """Return the warnings about running in `out` on `target`; none for this machine."""
    return [*_unknown_limits(target), *_not_shared(out)] if target.scheduler == "slurm" else []


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
