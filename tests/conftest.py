"""What all tests share: the marker for missing tools, workspaces and the command line, and leases of their own."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import batch_loop
import pytest
from command_line import JOBS, CommandLine
from hypothesis_profiles import register_profiles
from slurm_cluster import SlurmCluster
from slurm_workspace import SlurmWorkspace
from workspace import Workspace

from canary_wf.snakemake import child_process

register_profiles()

SPARES = 2
"""Partitions of the test cluster whose nodes a test may break."""


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


@pytest.fixture(scope="session")
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Name a folder for each test: `mktemp` would read the names of all that there are, thousands of times."""
    base = tmp_path_factory.mktemp("own")
    return (base / str(number) for number in count())


@pytest.fixture(autouse=True)
def _own_leases(_own_folders: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test leases and a cache of its own, so that tests run side by side know nothing of each other."""
    folder = next(_own_folders)
    for variable, name in (("CANARY_WF_LEASE_DIR", "leases"), ("XDG_CACHE_HOME", "cache"), ("XDG_STATE_HOME", "state")):
        (folder / name).mkdir(parents=True)
        monkeypatch.setenv(variable, str(folder / name))
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
def quick_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `canary-wf run` run the batches one after the other, without Snakemake, which takes seconds to load."""
    monkeypatch.setattr(child_process, "COMMAND", batch_loop.COMMAND)


@pytest.fixture
def small(cli: CommandLine) -> CommandLine:
    """Return the command line with a tree of three jobs."""
    cli.write("small.jobs.yaml", JOBS)
    return cli


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    """Start the cluster that tests share; one that does not start fails the tests that need it.

    There is one for all processes that run tests side by side: the first starts it, the last stops it.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    found = SlurmCluster(shared / "slurm", {"SLURM_LAB_SPARES": str(SPARES)})
    with _users(shared, +1, found) as users:
        if users == 1:
            found.start()
    yield found
    with _users(shared, -1, found) as users:
        if not users:
            found.stop()


@contextmanager
def _users(shared: Path, change: int, cluster: SlurmCluster) -> Iterator[int]:
    """Count who uses the cluster, one process at a time; a start that fails counts nobody and leaves nothing behind."""
    with (shared / "slurm-users").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        before = int(file.read() or 0)
        try:
            yield before + change
        except BaseException:
            cluster.stop()
            raise
        file.truncate(0)
        file.write(str(before + change))


@pytest.fixture
def slurm(tmp_path: Path, cluster: SlurmCluster) -> SlurmWorkspace:
    """Return a fresh workspace on the cluster, which other tests use at the same time."""
    return SlurmWorkspace(tmp_path, cluster)


@pytest.fixture
def slurm_spare(tmp_path: Path, cluster: SlurmCluster) -> Iterator[SlurmWorkspace]:
    """Return a fresh workspace on two nodes of the cluster that no other test uses now: for those that break nodes."""
    with cluster.spare_partition(SPARES) as partition:
        workspace = SlurmWorkspace(tmp_path, cluster)
        workspace.options += f",partition={partition}"
        yield workspace


@pytest.fixture
def slurm_own(tmp_path: Path) -> Iterator[SlurmWorkspace]:
    """Return a workspace on a small cluster of its own: for tests that break more than nodes."""
    number = 1 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    small = {"SLURM_LAB_NODES": "1", "SLURM_LAB_CPU_NODES": "1"}
    # The names of a node's sockets, which lie below it, may have 107 characters.
    with tempfile.TemporaryDirectory(prefix="slurm-", dir="/tmp") as folder:
        cluster = SlurmCluster(Path(folder) / "slurm", small, number=number)
        try:
            cluster.start()
            yield SlurmWorkspace(tmp_path, cluster)
        finally:
            cluster.stop()
