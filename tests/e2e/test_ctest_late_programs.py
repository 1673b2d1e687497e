"""Tests of CTest whose programs are not there when jobs are generated: looked for when they start, as by ctest."""

import shutil

import pytest
from workspace import Workspace

from canary_wf.run.runner import main

pytestmark = [pytest.mark.needs("ctest"), pytest.mark.xdist_group("ctest")]


def run_all(workspace: Workspace) -> None:
    """Run the batches of the newest session in the order of the plan, here."""
    plan = max(workspace.out.glob(".canary-wf/sessions/*/plan.json"))
    left = [file.stem for file in plan.parent.glob("slices/*.json")]
    while left:  # a batch whose upstreams have not run yet is refused
        left = [batch for batch in left if main([batch, "--plan", str(plan)])]


def test_a_program_is_looked_for_when_the_test_starts(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that a fixture makes, one in a configuration's folder, one on PATH, and one that comes between two runs."""
    tree, programs = workspace.tree, workspace.tree / "programs"
    programs.mkdir()
    true = shutil.which("true")
    lines = [
        f'add_test(build "/bin/sh" "-c" "cp {true} {tree}/made; mkdir {tree}/Debug; cp {true} {tree}/Debug/debug")',
        "set_tests_properties(build PROPERTIES FIXTURES_SETUP bin)",
        *(
            f'add_test({name} "{program}" "an argument")\nset_tests_properties({name} PROPERTIES FIXTURES_REQUIRED bin)'
            for name, program in [("made", tree / "made"), ("debug", tree / "debug"), ("later", tree / "later")]
        ),
        'add_test(on_path "a_program_that_only_we_have")',
        "add_test(t_NOT_BUILT t_NOT_BUILT)",
    ]
    workspace.write("CTestTestfile.cmake", "\n".join(lines))
    told = workspace.generate().stderr
    assert "the program is missing; it is looked for again when the test starts" in told
    assert "--ctest-config" in told
    shutil.copy(str(true), programs / "a_program_that_only_we_have")
    monkeypatch.setenv("PATH", f"{programs}:{workspace.environment['PATH']}")
    run_all(workspace)
    reasons = {job["name"]: (job["outcome"], job["reason"]) for job in workspace.status()["jobs"]}
    assert {name for name, (outcome, _) in reasons.items() if outcome == "SUCCESS"} == {
        *("build", "made", "debug", "on_path")
    }
    missing = f"could not start: could not find its executable '{tree}/later': build the project"
    assert reasons["later"][0] == "BROKEN"
    assert reasons["later"][1].startswith(missing)
    assert reasons["t_NOT_BUILT"][1].startswith("could not start: the program 't' that lists its tests is not built")
    shutil.copy(str(true), tree / "later")
    assert workspace.canary_wf("rerun", "later", "-d", workspace.out).returncode == 0
    run_all(workspace)
    assert workspace.outcomes()["later"] == "SUCCESS"
