"""A run with ``--quiet all`` that fails says why in one line on standard error, and nothing twice."""

import re
import shutil

import pytest
from workspace import Workspace

JOBS = "jobs:\n  - {name: good, command: 'true'}\n  - {name: bad, command: 'false'}\n"


@pytest.fixture
def quiet(workspace: Workspace) -> Workspace:
    """Return a workspace with a job that fails."""
    workspace.write("a.jobs.yaml", JOBS)
    workspace.generate()
    return workspace


def _lines(workspace: Workspace) -> list[str]:
    done = workspace.snakemake("--profile", "local", "--quiet", "all", "--retries", "0")
    assert done.returncode == 1
    return [line for line in done.stderr.splitlines() if line.startswith(("canary-wf", " ", "FAIL", "Again"))]


def test_a_folder_that_cannot_be_written_is_told(quiet: Workspace) -> None:
    """It fails before any rule is run, in Snakemake itself."""
    (quiet.out / ".snakemake").write_text("")
    (line,) = _lines(quiet)
    assert line.startswith("canary-wf: Snakemake: ")
    assert str(quiet.out / ".snakemake") in line


def test_a_batch_that_cannot_be_run_is_told_and_jobs_that_failed_only_by_the_gate(quiet: Workspace) -> None:
    """The rule, the end of its log, and where that is; the gate's own words stand alone."""
    slices = next(quiet.out.glob(".canary-wf/sessions/*/slices"))
    shutil.move(slices, slices.with_name("aside"))
    told = "\n".join(_lines(quiet))
    assert "canary-wf: Snakemake: rule batch_" in told
    assert "there is no batch" in told
    assert "log.txt" in told
    assert "Traceback" not in told
    shutil.move(slices.with_name("aside"), slices)
    lines = _lines(quiet)
    assert lines[0] == "canary-wf: 1 of 2 jobs did not pass:"
    assert re.fullmatch(r"FAIL bad after [0-9.]+s: exit code 1", lines[1])
    assert "Again: canary-wf run --failed" in lines
    assert not [line for line in lines if "Snakemake:" in line]


def test_errors_in_a_snakefile_are_told_without_the_places_in_files(workspace: Workspace) -> None:
    """The reason for which a plan for Slurm does not run here stands alone; any other error is one line."""
    workspace.write("a.jobs.yaml", JOBS)
    workspace.generate("-r", "cpus=2", scheduler="slurm")
    (line,) = _lines(workspace)
    assert "was planned for Slurm nodes" in line
    rules = workspace.out / "workflow" / "rules" / "batches.smk"
    rules.write_text(rules.read_text().replace("plan_here(workflow, PLAN)", "1 / 0"))
    (line,) = _lines(workspace)
    assert "ZeroDivisionError" in line
    assert "Traceback" not in line
    assert "<lambda>" not in line
