"""What all tests share: the marker for tools that may be missing, and a lease folder that no other run uses."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from slurm_workspace import SlurmWorkspace
from workspace import Workspace

TOOL = Path(__file__).parent / "slurm" / "slurm-cluster"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose tool is missing, saying which; in CI that is a failure, so that nothing is skipped silently."""
    for marker in item.iter_markers("needs"):
        for tool in marker.args:
            if shutil.which(tool) is None:
                message = f"needs {tool}, which is not installed"
                if os.environ.get("CI") == "true":
                    pytest.fail(f"{message} (CI=true)", pytrace=False)
                pytest.skip(message)


@pytest.fixture(autouse=True)
def _own_leases(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test leases of its own, so that tests run side by side do not wait for each other."""
    monkeypatch.setenv("CANARY_WF_LEASE_DIR", str(tmp_path_factory.mktemp("leases")))
    for name in [name for name in os.environ if name.startswith("SLURM_JOB")]:
        monkeypatch.delenv(name)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Return a fresh workspace in which the real commands run."""
    return Workspace(tmp_path)


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
