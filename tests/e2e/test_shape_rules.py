"""Workflows with a rule for each resource shape: they do what those with a rule a batch do."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from workspace import BIN, Workspace

TREE = """
jobs:
  - {name: small, command: 'true', parameters: {n: [1, 2, 3, 4]}}
  - {name: wide, command: 'true', cpus: 2, memory: 100MiB, parameters: {n: [1, 2]}}
  - {name: device, command: 'true', gpus: 1, timeout: 20m}
  - {name: fails, command: 'false'}
  - {name: behind, command: 'true', depends_on: [fails]}
  - {name: after, command: 'true', depends_on: ['small.*', device]}
"""


CHAIN = "jobs:\n  - {name: a, command: 'true'}\n  - {name: b, command: 'true', depends_on: [a]}\n"


def _plan(workspace: Workspace) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((workspace.out / "TestResults" / ".." / "plan.json").read_text())
    return found


def _rules(workspace: Workspace) -> list[str]:
    return re.findall(r"^rule (\w+):", (workspace.out / "workflow" / "rules" / "batches.smk").read_text(), re.MULTILINE)


def _run(folder: Path, rules: str) -> tuple[Workspace, set[str]]:
    """Run the tree with these rules; return the workspace and its files of batches, relative to the session."""
    workspace = Workspace(folder / rules)
    workspace.write("a.jobs.yaml", TREE)
    workspace.generate("-b", "spec=count:max", "-r", "cpus=2", "-r", "gpus=1", "--rules", rules)
    done = workspace.snakemake()
    assert done.returncode == 1
    session = (workspace.out / "TestResults").resolve().parent
    return workspace, {str(path.relative_to(session)) for path in session.glob("batches/*/*")}


def test_both_kinds_of_rules_come_to_the_same(tmp_path: Path) -> None:
    """The same batches, files and states, whatever has a rule of its own."""
    one, files_of_batches = _run(tmp_path, "batch")
    other, files_of_shapes = _run(tmp_path, "shape")
    ids = {batch["id"] for batch in _plan(one)["batches"]}
    assert ids == {batch["id"] for batch in _plan(other)["batches"]}
    assert files_of_batches == files_of_shapes
    assert {f"batches/{batch}/result.json" for batch in ids} < files_of_shapes
    assert one.outcomes() == other.outcomes()
    assert set(_rules(one)) == {f"batch_{batch}" for batch in ids}
    assert all(rule.startswith("shape_") for rule in _rules(other))
    assert len(_rules(other)) == 3


def test_rules_of_shapes_ask_for_what_their_batches_need(workspace: Workspace) -> None:
    """Nothing that a rule a batch asks for is lost, and no batch asks for less than it needs."""
    workspace.write("a.jobs.yaml", TREE)
    workspace.generate("-b", "spec=count:max", "-r", "cpus=2", "-r", "gpus=1", "--rules", "shape")
    shown = workspace.snakemake("-n").stdout
    asked = {}
    for rule in shown.split("\nrule ")[1:]:
        if batch := re.search(r"output: \S+/batches/(\w+)/result.json\n", rule):
            asked[batch[1]] = rule
    plan = _plan(workspace)
    assert asked.keys() == {batch["id"] for batch in plan["batches"]}
    for batch in plan["batches"]:
        rule = asked[batch["id"]]
        assert f"gpu={batch['gpus']}" in rule
        assert "nodes=1" in rule
        assert batch["cpus"] == 1 or f"threads: {batch['cpus']}" in rule
        minutes = re.search(r"runtime=(\d+)", rule)
        assert minutes is not None
        assert batch["time_limit"] / 60 <= int(minutes[1]) <= 1.42 * batch["time_limit"] / 60
        assert batch["memory"] is None or f"mem_mb={batch['memory']}" in rule
        for upstream in batch["dependencies"]:
            assert f"batches/{upstream}/result.json" in rule.partition("output:")[0]


def test_above_five_hundred_batches_shapes_are_chosen(workspace: Workspace) -> None:
    """With --rules auto, a dry run of 501 batches shows one rule; 500 have one each."""
    for number in (500, 501):
        workspace.write(
            "a.jobs.yaml",
            f"jobs:\n  - {{name: a, command: 'true', parameters: {{n: {list(range(number))}}}}}\n",
        )
        workspace.generate("-b", "spec=count:max")
        assert len(_rules(workspace)) == (500 if number == 500 else 1)
    done = workspace.snakemake("-n", "-q", "rules")
    assert done.returncode == 0, done.stderr
    assert re.search(r"shape_\w+ +501\b", done.stdout)
    workspace.generate("-b", "spec=count:max", "--rules", "batch")
    assert len(_rules(workspace)) == 501


def test_a_run_by_shapes_is_resumed(workspace: Workspace) -> None:
    """A lost result is made again by its own batch alone, without its final jobs; rerun works as with other rules."""
    flag = workspace.tree / "flag"
    workspace.write(
        "a.jobs.yaml",
        "jobs:\n  - {name: a, command: [sh, -c, 'echo x >> $$PWD/../runs'], parameters: {n: [1, 2, 3]}}\n"
        f"  - {{name: bad, command: [sh, -c, 'test -e {flag}']}}\n",
    )
    workspace.generate("-b", "spec=count:max", "--rules", "shape")
    assert workspace.snakemake().returncode == 1
    lost = next(workspace.out.glob(".canary-wf/sessions/*/batches/*/result.json"))
    lost.unlink()
    flag.touch()
    assert workspace.canary_wf("rerun", "--failed", "-d", workspace.out).returncode == 0
    done = workspace.snakemake()
    assert done.returncode == 0, done.stderr
    assert lost.exists()
    assert workspace.counts() == {"SUCCESS": 4}
    assert (workspace.out / "TestResults" / "runs").read_text().count("x") == 3
    again = workspace.snakemake()
    assert "Nothing to be done" in again.stdout + again.stderr


def test_shapes_work_in_a_module_with_a_prefix(workspace: Workspace) -> None:
    """Used as a module, results appear under the prefix and the states stay in OUT."""
    workspace.write("a.jobs.yaml", CHAIN)
    workspace.generate("-b", "spec=count:max", "--rules", "shape")
    host = workspace.write(
        "Snakefile",
        f'module tests:\n    snakefile: "{workspace.out}/workflow/Snakefile"\n    prefix: "host"\n\n'
        "use rule * from tests as t_*\n",
    )
    done = workspace.run(BIN / "snakemake", "-s", host, "--cores", "1", "t_all")
    assert done.returncode == 0, done.stderr
    assert len(list(workspace.tree.glob("host/.canary-wf/sessions/*/batches/*/result.json"))) == 2
    assert workspace.counts() == {"SUCCESS": 2}


@pytest.mark.parametrize("tool", [("snakefmt", "--check"), ("snakemake", "--lint", "-s")])
def test_the_rules_are_readable(workspace: Workspace, tool: tuple[str, ...]) -> None:
    """Formatters and linters have nothing to say but that rules have no software environment."""
    workspace.write("a.jobs.yaml", TREE)
    workspace.generate("-b", "spec=count:max", "-r", "gpus=1", "--rules", "shape")
    files = ["workflow/Snakefile"] if tool[0] == "snakemake" else ["workflow/Snakefile", *_smk(workspace)]
    done = workspace.run(BIN / tool[0], *tool[1:], *files, cwd=workspace.out)
    assert set(re.findall(r"^ +\* (.*):$", done.stdout + done.stderr, re.MULTILINE)) <= {
        "Specify a conda environment or container for each rule."
    }
    assert tool[0] == "snakemake" or done.returncode == 0, done.stderr


def _smk(workspace: Workspace) -> list[str]:
    return [str(path.relative_to(workspace.out)) for path in workspace.out.glob("workflow/rules/*.smk")]
