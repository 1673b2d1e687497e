"""What all tests share: the marker for missing tools, workspaces and the command line, and leases of their own."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from command_line import JOBS, CommandLine
from hypothesis import settings
from left_processes import end_all_with
from slurm_workspace import SlurmWorkspace
from workspace import Workspace

# A busy machine is no failure: no example of a property has a time limit.
settings.register_profile("canary-wf", deadline=None)
settings.load_profile("canary-wf")

TOOL = Path(__file__).parent / "slurm" / "slurm-cluster"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose tool is missing, saying which; in CI that is a failure, so that nothing is skipped silently.

    The tool ``root`` is there for who is root.
    """
    for marker in item.iter_markers("needs"):
        for tool in marker.args:
            if (os.geteuid() != 0) if tool == "root" else shutil.which(tool) is None:
                message = "needs to be run by root" if tool == "root" else f"needs {tool}, which is not installed"
                if os.environ.get("CI") == "true":
                    pytest.fail(f"{message} (CI=true)", pytrace=False)
                pytest.skip(message)


@pytest.fixture(autouse=True)
def _own_leases(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test leases and a cache of its own, so that tests run side by side know nothing of each other."""
    monkeypatch.setenv("CANARY_WF_LEASE_DIR", str(tmp_path_factory.mktemp("leases")))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
    monkeypatch.delenv("CANARY_WF_TRUST", raising=False)
    for name in [name for name in os.environ if name.startswith("SLURM_JOB")]:
        monkeypatch.delenv(name)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Return a fresh workspace in which the real commands run."""
    return Workspace(tmp_path)


@pytest.fixture
def cli(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """Return the command line in a fresh folder with an empty tree."""
    monkeypatch.chdir(tmp_path)
    return CommandLine(tmp_path, capsys)


@pytest.fixture
def small(cli: CommandLine) -> CommandLine:
    """Return the command line with a tree of three jobs."""
    cli.write("small.jobs.yaml", JOBS)
    return cli


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start the cluster and return its SLURM_CONF; a cluster that does not start fails the tests that need it.

    There is one for all processes that run tests side by side: the first starts it, the last stops it.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    environment = {**os.environ, "SLURM_LAB_DIR": str(shared / "slurm")}
    with _users(shared, +1) as users:
        if users == 1:
            subprocess.run([TOOL, "start"], env=environment, check=True, timeout=120)
    yield str(shared / "slurm" / "etc" / "slurm.conf")
    with _users(shared, -1) as users:
        if not users:
            subprocess.run([TOOL, "stop"], env=environment, check=True, timeout=120)
            # What ran on a node that was lost is nobody's any more: neither Slurm nor Snakemake ends it.
            end_all_with("SLURM_LAB_DIR", environment["SLURM_LAB_DIR"])


@contextmanager
def _users(shared: Path, change: int) -> Iterator[int]:
    """Count who uses the cluster, one process at a time; a start that fails counts nobody and leaves nothing behind."""
    with (shared / "slurm-users").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        before = int(file.read() or 0)
        try:
            yield before + change
        except BaseException:
            subprocess.run([TOOL, "stop"], env={**os.environ, "SLURM_LAB_DIR": str(shared / "slurm")}, check=False)
            raise
        file.truncate(0)
        file.write(str(before + change))


@pytest.fixture
def slurm(tmp_path: Path, cluster: str) -> Iterator[SlurmWorkspace]:
    """Return a fresh workspace on the cluster, which other tests may use at the same time."""
    with _cluster_lock(cluster, fcntl.LOCK_SH):
        yield _on_cluster(tmp_path, cluster)


@pytest.fixture
def slurm_alone(tmp_path: Path, cluster: str) -> Iterator[SlurmWorkspace]:
    """Return a fresh workspace on a cluster that no other test uses now: for those that break some of it."""
    with _cluster_lock(cluster, fcntl.LOCK_EX):
        yield _on_cluster(tmp_path, cluster)


@contextmanager
def _cluster_lock(cluster: str, how: int) -> Iterator[None]:
    with (Path(cluster).parent.parent / "in-use").open("a") as file:
        fcntl.flock(file, how)
        yield


def _on_cluster(folder: Path, cluster: str) -> SlurmWorkspace:
    workspace = SlurmWorkspace(folder)
    workspace.environment["SLURM_CONF"] = cluster
    workspace.environment["SLURM_LAB_DIR"] = str(Path(cluster).parent.parent)
    return workspace
