"""What all tests share: the marker for tools that may be missing, and a lease folder that no other run uses."""

import os
import shutil
from pathlib import Path

import pytest
from workspace import Workspace


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
