"""A real Slurm cluster for the tests of this folder, started once and stopped at the end."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from slurm_workspace import SlurmWorkspace

TOOL = Path(__file__).parent / "slurm-cluster"


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start the cluster and return its SLURM_CONF; a cluster that does not start fails the tests that need it."""
    folder = tmp_path_factory.mktemp("slurm")
    environment = {**os.environ, "SLURM_LAB_DIR": str(folder)}
    subprocess.run([TOOL, "start"], env=environment, check=True, timeout=120)
    yield str(folder / "etc" / "slurm.conf")
    subprocess.run([TOOL, "stop"], env=environment, check=True, timeout=120)


@pytest.fixture
def slurm(tmp_path: Path, cluster: str) -> SlurmWorkspace:
    """Return a fresh workspace on the cluster."""
    workspace = SlurmWorkspace(tmp_path)
    workspace.environment["SLURM_CONF"] = cluster
    return workspace
