"""A plan for cluster nodes is not run by the machine on which somebody types `snakemake`, unless that is said."""

import json
import os

import pytest
import yaml
from workspace import BIN, Workspace

JOBS = "jobs:\n  - {name: wide, command: [sh, -c, 'echo $CANARY_CPU_IDS'], cpus: 16, gpus: 2}\n"
REFUSED = (
    "was planned for Slurm nodes, and this machine is not one of them;"
    " run snakemake --profile slurm, or plan for this machine"
)
LARGER = """
module tests:
    snakefile: "out/workflow/module.smk"
    prefix: "results/tests"

use rule * from tests as tests_*

rule first:
    output: "first"
    shell: "touch first"

rule everything:
    default_target: True
    input: "first", rules.tests_gate.output
"""


@pytest.fixture
def login(workspace: Workspace) -> Workspace:
    """Return a workspace on a login node, whose `sinfo` tells of nodes with 32 CPUs and 4 GPUs."""
    programs = workspace.tree.parent / "bin"
    programs.mkdir()
    (programs / "sinfo").write_text("#!/bin/sh\necho 'main*|32|128000|gpu:4|(null)'\n")
    (programs / "sinfo").chmod(0o755)
    workspace.environment["PATH"] = f"{programs}{os.pathsep}{workspace.environment['PATH']}"
    workspace.environment.pop("SLURMD_NODENAME", None)
    workspace.write("a.jobs.yaml", JOBS)
    return workspace


@pytest.mark.long
@pytest.mark.parametrize("rules", ["batch", "shape"])
def test_a_plan_for_nodes_is_refused_here(login: Workspace, rules: str) -> None:
    """At the start and with --quiet, in one line; a dry run shows it, and the profile is this machine's."""
    told = login.generate("--rules", rules, scheduler="auto").stdout
    assert "snakemake --profile slurm" in told
    assert yaml.safe_load((login.out / "local" / "config.yaml").read_text())["cores"] == len(os.sched_getaffinity(0))
    refused = login.snakemake("--quiet", "all")
    assert refused.returncode == 1
    assert refused.stderr.count(REFUSED) == 1
    assert not list(login.out.glob(".canary-wf/sessions/*/batches/*/journal.jsonl"))
    assert login.snakemake("-n", "--quiet", "all").returncode == 0
    assert login.snakemake("--summary").returncode == 0
    login.environment["CANARY_WF_ALLOW_LOCAL"] = "1"
    allowed = login.snakemake("--quiet", "all")
    assert allowed.returncode == 0, allowed.stderr
    assert login.outcomes() == {"wide": "SUCCESS"}


def test_a_runner_by_hand_is_refused_as_well(login: Workspace) -> None:
    """Outside of an allocation; one that a scheduler started, and one in an allocation, are not."""
    login.generate(scheduler="auto")
    plan = next(login.out.glob(".canary-wf/sessions/*/plan.json"))
    batch = json.loads(plan.read_text())["batches"][0]["id"]
    command = (BIN / "canary-wf", "run-batch", batch, "--plan", plan)
    refused = login.run(*command)
    assert refused.returncode == 1
    assert f"batch {batch}: {REFUSED}" in refused.stderr
    submitted = login.run(*command, "--submitted")
    assert submitted.returncode == 0, submitted.stderr


def test_a_larger_workflow_is_refused_before_any_of_its_rules(login: Workspace) -> None:
    """Its start handler is its own, so the batches' rules say it."""
    login.generate("--module", scheduler="auto")
    (login.out.parent / "Snakefile").write_text(LARGER)
    command = (BIN / "snakemake", "--cores", "2", "--quiet", "all")
    refused = login.run(*command, cwd=login.out.parent)
    assert (refused.returncode, refused.stderr.count(REFUSED)) == (1, 1)
    assert not (login.out.parent / "first").exists()
    login.environment |= {"SLURM_JOB_ID": "7", "SLURMD_NODENAME": "n1", "SLURM_CPUS_ON_NODE": "2"}
    assert login.run(*command, "-n", cwd=login.out.parent).returncode == 0
