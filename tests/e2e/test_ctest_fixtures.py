"""A set-up of CTest that starts a server: from the build tree to verdicts, as ctest itself has them."""

from pathlib import Path

import pytest
from workspace import Workspace

from canary_wf.run.runner import main

pytestmark = [pytest.mark.needs("ctest"), pytest.mark.xdist_group("ctest")]


def tree_of(workspace: Workspace, how: str) -> None:
    """Write a build tree with a fixture and a test besides."""
    pid = workspace.tree / "pid"
    tests = {
        "up": (f"{how} sleep 100 >/dev/null 2>&1 & echo $! >{pid}", "FIXTURES_SETUP"),
        "use": (f"kill -0 $(cat {pid})", "FIXTURES_REQUIRED"),
        "down": (f"kill $(cat {pid}); while kill -0 $(cat {pid}); do sleep 0.02; done", "FIXTURES_CLEANUP"),
    }
    lines = [f'add_test({name} "/bin/sh" "-c" "{text}")' for name, (text, _) in tests.items()]
    lines += [f"set_tests_properties({name} PROPERTIES {part} web TIMEOUT 20)" for name, (_, part) in tests.items()]
    workspace.write("CTestTestfile.cmake", "\n".join(lines).replace("$!", "\\$!").replace("$(", "\\$("))


def run_all(workspace: Workspace) -> Path:
    """Run the only batch of the newest session here, and return its plan."""
    plan = max(workspace.out.glob(".canary-wf/sessions/*/plan.json"))
    (part,) = plan.parent.glob("slices/*.json")
    assert main([part.stem, "--plan", str(plan)]) == 0
    return plan


@pytest.mark.parametrize(("how", "text"), [("", ""), ("setsid", "count:1"), ("nohup", "layout:atomic")])
def test_a_server_lives_until_its_clean_up(workspace: Workspace, how: str, text: str) -> None:
    """All three pass, in one batch whatever the specification, and again after `rerun` of the one that needs it."""
    tree_of(workspace, how)
    assert workspace.run("ctest").returncode == 0
    generated = workspace.generate(*(["-b", f"spec={text}"] if text else []))
    assert "fixture" not in generated.stderr
    run_all(workspace)
    passed = dict.fromkeys(("up", "use", "down"), "SUCCESS")
    assert workspace.outcomes() == passed
    assert workspace.canary_wf("rerun", "use", "-d", workspace.out).returncode == 0
    run_all(workspace)
    assert workspace.outcomes() == passed


def test_a_plan_that_takes_a_fixture_apart_says_so(workspace: Workspace) -> None:
    """A batch for each job was asked for."""
    tree_of(workspace, "")
    told = workspace.generate("-b", "spec=count:max").stderr
    assert "1 fixture of CTest (web) is spread over several batches" in told
    assert "layout:atomic" in told


def test_tests_that_run_again_bring_along_the_fixture_that_was_cleaned_up(workspace: Workspace) -> None:
    """`rerun` of a test and `generate --update` with a changed one run set-up and clean-up again, and no other test."""
    made, log = workspace.tree / "made", workspace.tree / "log"
    parts = {"up": "SETUP", "use": "REQUIRED", "other": "REQUIRED", "down": "CLEANUP"}
    commands = {"up": f"mkdir {made}", "use": f"ls {made}", "other": f"ls {made}", "down": f"rmdir {made}"}

    def tests() -> str:
        lines = [f'add_test({name} "/bin/sh" "-ec" "echo {name} >>{log}; {commands[name]}")' for name in parts]
        return "\n".join(
            [*lines, *(f"set_tests_properties({name} PROPERTIES FIXTURES_{part} f)" for name, part in parts.items())]
        )

    workspace.write("CTestTestfile.cmake", tests())
    workspace.generate()
    run_all(workspace)
    log.unlink()
    reset = workspace.canary_wf("rerun", "use", "-d", workspace.out)
    assert "Reset 3 jobs in 1 batch" in reset.stdout
    run_all(workspace)
    assert log.read_text().split() == ["up", "use", "down"]
    log.unlink()
    commands["use"] = f"test -d {made}"
    workspace.write("CTestTestfile.cmake", tests())
    workspace.generate("--update")
    run_all(workspace)
    assert log.read_text().split() == ["up", "use", "down"]
    assert set(workspace.outcomes().values()) == {"SUCCESS"}
