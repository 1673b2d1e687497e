"""Tests whose ids are in a file that another test of the batch writes."""

import json
from pathlib import Path
from typing import Any

import pytest
from factories import plan_of, shell, spec
from msgspec.structs import replace

from canary_wf.discovery.ctest.specification import generated_specifications
from canary_wf.history.run_times import History
from canary_wf.plan.cluster.target import choose_target
from canary_wf.plan.planner import PlanSettings, make_plan
from canary_wf.plan.store import write_session
from canary_wf.report.session import load_session
from canary_wf.resources.leases.lease import HostLeases
from canary_wf.run.runner import main
from canary_wf.spec.ctest_rules import CTestRules, ResourceItem
from canary_wf.spec.job_spec import DependencyEdge, JobSpec
from canary_wf.state.session_paths import SessionPaths


@pytest.fixture(autouse=True)
def _own_leases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_WF_LEASE_DIR", str(tmp_path / "leases"))


def _user(name: str, file: Path, slots: int = 1) -> JobSpec:
    rules = CTestRules(specification=str(file), allocates=True)
    groups = ((ResourceItem("gpus", slots),),)
    text = "echo $CTEST_RESOURCE_GROUP_0_GPUS; sleep 0.3"
    return shell(name, text, "maker", kind="ctest", ctest=rules, resource_groups=groups)


def _run(tmp_path: Path, written: str, *users: JobSpec) -> tuple[int, SessionPaths]:
    """Run the test that writes `written`, and after it those that go by the file, in one batch with two CPUs."""
    maker = shell("maker", f"printf '%s' '{written}' > {tmp_path}/spec.json", kind="ctest", ctest=CTestRules())
    plan = plan_of([maker, *users], cpus=2)
    paths = write_session(replace(plan, batches=(replace(plan.batches[0], cpus=2),)), tmp_path / "out")
    return main([plan.batches[0].id, "--plan", str(paths.plan)]), paths


def _file(*ids: str) -> str:
    return json.dumps(
        {"version": {"major": 1, "minor": 0}, "local": [{"gpus": [{"id": name, "slots": 2} for name in ids]}]}
    )


def test_ids_come_from_the_file_that_the_batch_itself_made(tmp_path: Path) -> None:
    """Side by side where there are enough; what another run on this host holds is left to it."""
    file = tmp_path / "spec.json"
    held = HostLeases().acquire({"gpus": 1}, {"gpus": ["b"]}, on_wait=lambda _: None)
    code, paths = _run(tmp_path, _file("a", "b", "c"), _user("one", file, 2), _user("two", file, 2))
    assert code == 0
    outputs = {(paths.job(name) / "canary-out.txt").read_text() for name in ("one", "two")}
    assert outputs == {"id:a,slots:2\n", "id:c,slots:2\n"}
    jobs = {job["name"]: job for job in load_session(paths).as_dict()["jobs"]}
    assert jobs["one"]["started"] < jobs["two"]["finished"]
    assert jobs["two"]["started"] < jobs["one"]["finished"]
    assert {*jobs["one"]["gpu_ids"], *jobs["two"]["gpu_ids"]} == {"a", "c"}
    held.release()
    HostLeases().acquire({"gpus": 2}, {"gpus": ["a", "c"]}, on_wait=lambda _: None, give_up=lambda: True).release()


@pytest.mark.parametrize(
    ("written", "slots", "told"),
    [("{", 1, "spec.json:1: is not JSON"), (_file("a"), 5, "asked for 5 slots")],
)
def test_a_file_that_does_not_do_breaks_the_test(tmp_path: Path, written: str, slots: int, told: str) -> None:
    """As with ctest, which does not run it: the others go on, and what runs after it, such as a clean-up, as well."""
    after = shell("after", "true", kind="ctest", ctest=CTestRules())
    user = _user("one", tmp_path / "spec.json", slots)
    after = replace(after, dependencies=(DependencyEdge(user.id, "always"),))
    code, paths = _run(tmp_path, written, user, after)
    assert code == 0
    jobs = {job["name"]: job for job in load_session(paths).as_dict()["jobs"]}
    assert {name: job["outcome"] for name, job in jobs.items()} == {
        "maker": "SUCCESS",
        "one": "BROKEN",
        "after": "SUCCESS",
    }
    assert jobs["one"]["reason"].startswith("could not start: ")
    assert told in jobs["one"]["reason"]
    assert str(tmp_path / "spec.json") in jobs["one"]["reason"]


def test_ids_that_another_run_holds_are_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The batch is not done, and says which job could not run and why; the maker keeps its verdict."""
    held = HostLeases().acquire({"gpus": 1}, {"gpus": ["a"]}, on_wait=lambda _: None)
    code, paths = _run(tmp_path, _file("a"), _user("one", tmp_path / "spec.json"))
    held.release()
    assert code == 1
    assert "job one cannot run with the resources of this batch" in capsys.readouterr().err
    outcomes = {job["name"]: job["outcome"] for job in load_session(paths).as_dict()["jobs"]}
    assert outcomes == {"maker": "SUCCESS", "one": "NONE"}


def test_which_tests_go_by_a_file_and_when(tmp_path: Path) -> None:
    """Those that require the fixture of its maker and ask for resources; what the user says of the node wins."""
    properties: list[dict[str, Any]] = [
        {"GENERATED_RESOURCE_SPEC_FILE": "sub/s.json", "FIXTURES_SETUP": ["f"]},
        {"RESOURCE_GROUPS": [{}], "FIXTURES_REQUIRED": ["g", "f"]},
        {"RESOURCE_GROUPS": [{}]},
        {"FIXTURES_REQUIRED": ["f"]},
    ]
    found = generated_specifications(Path("/b/CTestTestfile.cmake"), properties)
    assert found == [None, "/b/sub/s.json", None, None]
    rules = CTestRules(specification="/b/s.json")
    job = spec("a", gpus=3, kind="ctest", ctest=rules, resource_groups=((ResourceItem("gpus", 3),),))
    for asked, gpus, file in (({}, 0, "/b/s.json"), ({"cpus": 1}, 0, "/b/s.json"), ({"gpus": 4}, 1, None)):
        if asked.get("gpus"):
            job = replace(job, resource_groups=((ResourceItem("gpus", 1),),), gpus=1)
        plan = make_plan(
            [job], PlanSettings(), choose_target("local", asked, None), History(), out=tmp_path, session="s"
        )
        (planned,) = plan.jobs
        assert planned.ctest is not None
        assert (planned.gpus, planned.ctest.specification) == (gpus, file)
