"""Which `sbatch` and `squeue` are called: those of ours stand before Slurm's, which they call in the end."""

import os
import shutil
import sys
from collections.abc import Mapping, MutableMapping

from canary_wf.shipped import shipped_folder

PYTHON = "CANARY_WF_PYTHON"
"""The Python that our programs run with."""


def put_before(environment: MutableMapping[str, str]) -> None:
    """Let the programs that this process starts find our `sbatch` and `squeue` first."""
    environment["PATH"] = os.pathsep.join([_folder(), *_others(environment)])
    environment[PYTHON] = sys.executable


def without_ours(environment: Mapping[str, str]) -> dict[str, str]:
    """Return `environment` as it was before."""
    kept = {name: value for name, value in environment.items() if name != PYTHON}
    return kept | {"PATH": os.pathsep.join(_others(environment))}


def slurms_program(name: str, environment: Mapping[str, str]) -> str | None:
    """Return Slurm's program `name`, or what a site has put before it; None when there is none on the PATH."""
    return shutil.which(name, path=os.pathsep.join(_others(environment)))


def _others(environment: Mapping[str, str]) -> list[str]:
    return [name for name in environment.get("PATH", os.defpath).split(os.pathsep) if name != _folder()]


def _folder() -> str:
    return str(shipped_folder("profiles") / "slurm" / "bin")
