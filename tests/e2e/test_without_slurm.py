"""Planning and a dry run for Slurm where there is none, as on a laptop."""

import shutil
import sys
from pathlib import Path

import pytest
from workspace import BIN, Workspace

JOBS = "jobs:\n  - {name: a, command: 'true', cpus: 8, gpus: 1, timeout: 5m}\n"


@pytest.fixture
def without_slurm(workspace: Workspace, tmp_path: Path) -> Workspace:
    """Return a workspace on whose PATH are a few programs of the system, and none of Slurm's."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "bash", "env", "cat", "uname", "hostname", "which"):
        found = shutil.which(name)
        if found is not None:
            (programs / name).symlink_to(found)
    workspace.environment["PATH"] = str(programs)
    workspace.write("a.jobs.yaml", JOBS)
    return workspace


@pytest.mark.parametrize("profile", ["slurm", "slurm-sbatch"])
def test_a_dry_run_needs_no_slurm(without_slurm: Workspace, profile: str) -> None:
    """What would be asked for is shown, nothing is submitted and nothing written into the session."""
    for name in ("sinfo", "sbatch", "squeue", "sacct", "scontrol"):
        assert shutil.which(name, path=without_slurm.environment["PATH"]) is None
    done = without_slurm.generate("-r", "cpus=8", "-r", "gpus=4", "--slurm", "account=lab", scheduler="slurm")
    assert "the limits of the partition are unknown" in done.stderr
    shown = without_slurm.run(sys.executable, BIN / "snakemake", "-n", "--profile", profile, cwd=without_slurm.out)
    assert shown.returncode == 0, shown.stderr
    text = shown.stdout + shown.stderr
    for word in ("rule batch_", "gpu=1", "cpus_per_task=8", "nodes=1", "runtime=7", "slurm_account=lab"):
        assert word in text
    assert not list(without_slurm.out.glob(".canary-wf/sessions/*/batches/*"))
    _shows_the_site(without_slurm, profile)


def _shows_the_site(without_slurm: Workspace, profile: str) -> None:
    """See to it that the plan is asked for where a command line replaces the profile's defaults."""
    command = (
        sys.executable,
        BIN / "snakemake",
        "-n",
        "--profile",
        profile,
        "--default-resources",
        "slurm_partition=b",
    )
    shown = without_slurm.run(*command, "--default-resources", "slurm_partition=b", cwd=without_slurm.out)
    text = shown.stdout + shown.stderr
    for word in ("slurm_partition=b", "slurm_account=lab", "mem_mb=0", "nodes=1"):
        assert word in text


def test_a_plan_for_slurm_needs_no_slurm(without_slurm: Workspace) -> None:
    """With what a node has; without it that is asked for."""
    arguments = ("plan", without_slurm.tree, "-d", without_slurm.out, "-b", "scheduler=slurm")
    done = without_slurm.canary_wf(*arguments, "-r", "cpus=8", "-r", "gpus=4")
    assert done.returncode == 0, done.stderr
    assert "planned for" in done.stdout
    unknown = without_slurm.canary_wf(*arguments)
    assert unknown.returncode == 2
    assert "-r cpus=N" in unknown.stderr
