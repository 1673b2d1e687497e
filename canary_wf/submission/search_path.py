"""Which `sbatch` and `squeue` are called: our wrappers precede Slurm's programs on the PATH, and call them."""

import os
import shutil
import sys
from collections.abc import Mapping, MutableMapping

from canary_wf.shipped import shipped_folder

PYTHON = "CANARY_WF_PYTHON"
"""The Python that runs our wrappers."""


def prepend_wrappers(environment: MutableMapping[str, str]) -> None:
    """Let the programs that this process starts find our wrappers first."""
    environment["PATH"] = os.pathsep.join([_folder(), *_others(environment)])
    environment[PYTHON] = sys.executable


def without_wrappers(environment: Mapping[str, str]) -> dict[str, str]:
    """Return `environment` without the changes of `prepend_wrappers`."""
    kept = {name: value for name, value in environment.items() if name != PYTHON}
    return kept | {"PATH": os.pathsep.join(_others(environment))}


def slurm_program(name: str, environment: Mapping[str, str]) -> str | None:
    """Return Slurm's program `name`, or a site's wrapper of it; None if there is none on the PATH."""
    return shutil.which(name, path=os.pathsep.join(_others(environment)))


def _others(environment: Mapping[str, str]) -> list[str]:
    return [name for name in environment.get("PATH", os.defpath).split(os.pathsep) if name != _folder()]


def _folder() -> str:
    return str(shipped_folder("profiles") / "slurm" / "bin")
