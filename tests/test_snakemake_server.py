"""Snakemake as the tests run it is Snakemake as it is typed."""

import signal
import subprocess
import time
from pathlib import Path

import pytest
import snakemake_server
from other_users import needs_root, two_users
from workspace import SNAKEMAKE, Workspace

pytestmark = pytest.mark.long

SEEN = """
import json, os, sys, tempfile
files = sorted(os.listdir("/proc/self/fd"))
seen = {"argv": sys.argv, "path": sys.path, "folder": os.getcwd(), "tmp": tempfile.gettempdir(), "files": files}
print(json.dumps({**seen, "environment": dict(os.environ)}, sort_keys=True))
rule all:
    shell: "echo said; exit 7"
"""
SLEEPS = """
import os, time
open("pid", "w").write(str(os.getpid()))
time.sleep(60)
"""


def _typed(workspace: Workspace, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [str(SNAKEMAKE), *arguments]
    return subprocess.run(
        command, cwd=workspace.tree, env=workspace.environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("more", [{"TMPDIR": "/"}, {"PYTHONPATH": "/nowhere"}])
def test_a_run_finds_what_a_typed_one_finds(workspace: Workspace, more: dict[str, str]) -> None:
    """Arguments, folder, environment, search path and open files; it prints the same, and ends with the same code."""
    workspace.environment |= more
    workspace.write("Snakefile", SEEN)
    arguments = ("--cores", "1", "--quiet", "all")
    ours, typed = workspace.run(SNAKEMAKE, *arguments), _typed(workspace, *arguments)
    assert (ours.returncode, ours.stdout) == (typed.returncode, typed.stdout)
    assert ours.returncode == 1
    assert '"argv"' in ours.stdout


def test_a_run_by_signal_ends_by_signal(workspace: Workspace) -> None:
    """As with any process."""
    workspace.write("Snakefile", "import os\nos.kill(os.getpid(), 9)\n")
    assert workspace.run(SNAKEMAKE, "--cores", "1").returncode == -signal.SIGKILL


def test_a_run_ends_with_the_process_that_asked_for_it(workspace: Workspace) -> None:
    """A test that runs out of time leaves nothing behind, and the next one finds the server ready."""
    workspace.write("Snakefile", SLEEPS)
    pid = workspace.tree / "pid"
    command = [*snakemake_server.COMMAND, "--cores", "1"]
    environment = workspace.environment | snakemake_server.variables()
    with subprocess.Popen(command, cwd=workspace.tree, env=environment) as client:
        _wait_until(lambda: pid.exists() and pid.read_text())
        client.kill()
    _wait_until(lambda: not Path("/proc", pid.read_text()).exists())
    workspace.write("Snakefile", "")
    assert workspace.run(SNAKEMAKE, "--version").returncode == 0


@needs_root
def test_another_user_has_a_process_of_their_own() -> None:
    """Any user of the machine can ask; nobody acts as who runs the tests."""
    with two_users() as (user, _):
        (user.home / "Snakefile").write_text("import os\nprint(os.getuid())\n")
        user.environment |= snakemake_server.variables()
        del user.environment["PYTHONDONTWRITEBYTECODE"]  # which would keep the server from carrying out the run
        with user.start([*snakemake_server.COMMAND, "--cores", "1"]) as run:
            assert run.stdout
            assert run.stdout.read().strip() == str(user.uid)


def _wait_until(condition: "object", seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.01)
