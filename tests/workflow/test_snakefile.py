"""The text of the workflow: what a reader and Snakemake find in it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from factories import plan_of, spec
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis_profiles import examples
from workspace import SNAKEMAKE, Workspace

from canary_wf.plan.model import Plan, RulesMode
from canary_wf.plan.store import write_session
from canary_wf.workflow.profiles import profile_files
from canary_wf.workflow.snakefile import WorkflowOptions, workflow_files
from canary_wf.workflow.writer import write_workflow

GOLDEN = Path(__file__).parent / "golden"


def _small_plan() -> Plan:
    plan = plan_of([spec("mesh"), spec("läuft {nicht} #\n'x'")], [spec("solve", "mesh", cpus=2, gpus=1)], gpus=1)
    first, second = plan.batches
    return msgspec.structs.replace(
        plan, batches=(msgspec.structs.replace(first, memory=100), msgspec.structs.replace(second, runtime=90.0))
    )


def _without_version(text: str) -> str:
    return re.sub(r"canary-wf \d[\w.+]*", "canary-wf X", text)


@pytest.mark.parametrize("name", ["workflow/Snakefile", "workflow/rules/batches.smk", "workflow/rules/gate.smk"])
def test_the_text_of_a_small_workflow(name: str) -> None:
    """The files are read by people, so every change of their text is looked at.

    To accept a change, run the test with UPDATE_GOLDEN=1 and read the difference.
    """
    text = _without_version(workflow_files(_small_plan())[name])
    golden = GOLDEN / Path(name).name
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


@settings(max_examples=examples(200))
@given(st.lists(st.text(min_size=1), min_size=1, max_size=5))
def test_no_name_of_a_job_can_end_a_comment(names: list[str]) -> None:
    """The text is the same as for harmless names but for one ASCII comment a rule."""
    jobs = [spec(f"j{number}") for number in range(len(names))]
    plan = plan_of(jobs)
    hostile = tuple(msgspec.structs.replace(job, name=name) for job, name in zip(plan.jobs, names, strict=True))
    for kind in ("batch", "shape"):
        texts = [
            workflow_files(each, kind)["workflow/rules/batches.smk"]
            for each in (plan, msgspec.structs.replace(plan, jobs=hostile))
        ]
        plain, found = ([line for line in text.splitlines() if not line.startswith("    #")] for text in texts)
        assert found == plain
        assert texts[1].replace("…", "").isascii()


@pytest.mark.parametrize("rules", ["batch", "shape"])
def test_a_batch_names_its_own_software_or_else_that_of_all(rules: RulesMode) -> None:
    """Batches that ask for the same but run in other images have rules of their own; braces make no pattern."""
    plan = plan_of([spec("a")], [spec("b")], [spec("c")])
    first, second, third = plan.batches
    batches = (
        msgspec.structs.replace(first, container="docker://x"),
        msgspec.structs.replace(second, container="docker://{y}", conda="numpy"),
        third,
    )
    options = WorkflowOptions(container="docker://all")
    text = workflow_files(msgspec.structs.replace(plan, batches=batches), rules, options)["workflow/rules/batches.smk"]
    found = [
        re.findall(r'(container|conda):\n +"(.*)"', rule) for rule in re.split(r"^rule ", text, flags=re.MULTILINE)[1:]
    ]
    both = [("conda", "numpy"), ("container", "docker://{{y}}")]
    assert sorted(found) == sorted([[("container", "docker://x")], both, [("container", "docker://all")]])


@pytest.fixture
def generated(tmp_path: Path) -> Path:
    """Return an OUT with the small workflow."""
    plan = _small_plan()
    write_workflow(tmp_path, workflow_files(plan) | profile_files(plan), write_session(plan, tmp_path))
    return tmp_path


def test_the_files_are_formatted_as_snakefmt_does(generated: Path) -> None:
    """A workflow that goes into somebody's repository passes its checks."""
    files = [str(path) for path in sorted((generated / "workflow").rglob("*")) if path.is_file()]
    assert len(files) == 3
    command = [sys.executable, "-m", "snakefmt", "--check", *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_snakemake_lints_nothing_but_the_missing_environments(workspace: Workspace, generated: Path) -> None:
    """Jobs bring their own environment, so rules declare none."""
    done = workspace.run(SNAKEMAKE, "--lint", "text", cwd=generated)
    told = set(re.findall(r"^    \* (.*?):?$", done.stdout + done.stderr, re.MULTILINE))
    assert told == {"Specify a conda environment or container for each rule."}, done.stderr


def test_snakemake_plans_every_rule_of_it(workspace: Workspace, generated: Path) -> None:
    """Batches in the order of their dependencies, then the report and the gate, with their resources."""
    done = workspace.run(SNAKEMAKE, "-n", "--profile", "local", cwd=generated)
    assert done.returncode == 0, done.stderr
    shown = done.stdout + done.stderr
    rules = re.findall(r"^(?:local)?rule (\w+):", shown, re.MULTILINE)
    batches = [f"batch_{batch.id}" for batch in _small_plan().batches]
    assert rules == [*batches, "report", "gate", "all"]
    for text in ("gpu=1", "mem_mb=100", "nodes=1", "runtime=2", "threads: 2"):
        assert text in shown
