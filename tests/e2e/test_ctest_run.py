"""A real CMake project with every property of tests: canary-wf comes to the verdicts that ctest comes to."""

import json
import os
from pathlib import Path

import jsonschema
import pytest
from ctest_project import SPECS, build, verdicts_of_canary_wf, verdicts_of_ctest
from workspace import EXAMPLES, Workspace

from canary_wf.plan.schema import plan_schema

pytestmark = [pytest.mark.needs("cmake", "ctest", "cc"), pytest.mark.xdist_group("ctest")]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the build tree of the project, built once."""
    return build(tmp_path_factory.mktemp("project") / "build")


@pytest.fixture
def project(workspace: Workspace, built: Path) -> Workspace:
    """Return a workspace whose tree is the build tree."""
    workspace.tree = built
    workspace.environment["OUTSIDE"] = "here"
    return workspace


def test_every_test_has_the_verdict_of_ctest(project: Workspace, built: Path) -> None:
    """With a real resource specification as pool; what a property cannot do here is warned of."""
    generated = project.generate("--resource-pool-file", SPECS, "-r", "cpus=4")
    assert "after-match: TIMEOUT_AFTER_MATCH has no effect here" in generated.stderr
    assert "pass-regex-invalid: PASS_REGULAR_EXPRESSION: 'one['" in generated.stderr
    assert "left out" not in generated.stderr
    done = project.snakemake("--cores", "4")
    assert done.returncode == 1, done.stderr
    assert "did not pass" in done.stderr
    expected = verdicts_of_ctest(built, "--resource-spec-file", SPECS)
    found = verdicts_of_canary_wf(project)
    # A wrong ENVIRONMENT_MODIFICATION keeps a test from being started; ctest says "failed" to that, not "not run".
    assert found - expected == {("env-wrong", "NOT RUN"): 1}
    assert expected - found == {("env-wrong", "FAIL"): 1}
    assert sum(found.values()) == 86
    assert {verdict for _, verdict in found} == {"PASS", "FAIL", "SKIP", "NOT RUN", "BLOCKED", "DISABLED"}
    _check_places(project, built)
    plan = next((project.out / ".canary-wf/sessions").glob("*/plan.json"))
    jsonschema.Draft202012Validator(plan_schema()).validate(json.loads(plan.read_text()))


def _check_places(project: Workspace, built: Path) -> None:
    """Output and state are in the job's own directory, and the build tree has only what the tests themselves made."""
    jobs = {job["name"]: job for job in project.status()["jobs"]}
    folder = project.out / jobs["folder-default"]["directory"]
    assert sorted(path.name for path in folder.iterdir()) == ["canary-out.txt", "job.json"]
    assert (folder / "canary-out.txt").read_text() == f"found {built.resolve()}\n"
    assert not list(built.glob("**/canary-out.txt"))
    state = json.loads((project.out / jobs["groups"]["directory"] / "job.json").read_text())
    assert [item["slots"] for item in state["resources"]["gpus"]] == [2, 2, 1]
    assert state["resources"]["crypto_chips"] == [{"id": "card_a", "slots": 1}]
    if os.sched_getaffinity(0) >= {0, 1, 2, 3}:
        assert "bound to 1" in (project.out / jobs["affinity"]["directory"] / "canary-out.txt").read_text()


def test_without_the_resources_their_tests_are_left_out(project: Workspace) -> None:
    """A pool without chips is told of with the reason, and is an error where that is asked for."""
    generated = project.generate("-r", "cpus=4", "-r", "gpus=0")
    assert "left out, needs 5 gpus, a node has none: groups; generate with -" in generated.stderr
    chips = "3 jobs left out, needs 2 crypto_chips, a node has none: chip-1, chip-2, chip-3; generate with "
    assert chips in generated.stderr
    strict = project.canary_wf("plan", project.tree, "-r", "cpus=4", "-r", "gpus=0", "--strict")
    assert strict.returncode == 3
    assert "does not fit" in strict.stderr


def test_slots_must_lie_on_one_id(project: Workspace, tmp_path: Path) -> None:
    """Eight slots on eight devices are not four on one."""
    pool = tmp_path / "pool.json"
    gpus = [{"id": str(number)} for number in range(8)]
    pool.write_text(json.dumps({"local": [{"gpus": gpus, "crypto_chips": [{"id": "c", "slots": 2}]}]}))
    generated = project.generate("--resource-pool-file", pool, "-r", "cpus=4")
    assert "left out, gpus: asked for 7 slots in 2 items of up to 4" in generated.stderr
    assert "chip-1" not in generated.stderr


def test_a_lock_holds_between_batches_on_one_host(project: Workspace) -> None:
    """Each test that takes the lock is in a batch of its own, and all batches may run at once."""
    project.generate("-k", "lock-1 or lock-2 or lock-3 or lock-4", "-b", "spec=count:max", "-r", "cpus=8")
    done = project.snakemake("--cores", "8")
    assert done.returncode == 0, done.stderr
    assert project.counts() == {"SUCCESS": 4}


def test_fixtures_come_along_and_what_is_only_ordered_does_not(project: Workspace, built: Path) -> None:
    """As with ctest: what each of its options selects is what ours does, and -k as well."""
    cases = {
        ("-R", "good-use|a-second"): (),
        ("-R", "^bad"): (),
        ("-E", "lock"): (),
        ("-L", "fast"): (),
        ("-LE", "."): (),
        ("-R", "good", "-E", "good-use|bad-use"): (),
        ("-R", "good-use", "-E", "up|down|clean|set"): (),
        ("-LE", "fast", "-LE", "nothing"): (),
        ("-R", "good-use", "-LE", "."): (),
        ("-R", "^good-use$"): ("-k", "good-use"),
    }
    for theirs, ours in cases.items():
        listed = project.run("ctest", "-N", *theirs, cwd=built).stdout
        expected = sorted(
            line.split(": ", 1)[1] for line in listed.splitlines() if " Test " in f" {line}" and "#" in line
        )
        found = project.canary_wf("find", project.tree, "--json", *(ours or theirs)).stdout
        taken = sorted(job["family"].removesuffix("@2") for job in json.loads(found)["jobs"] if job["masked"] is None)
        assert taken == [name for name in expected if not name.endswith(" (Disabled)")], theirs
        assert taken


def test_a_second_generate_keeps_verdicts_until_a_program_is_built_anew(project: Workspace) -> None:
    """The program of a test counts among its inputs."""
    arguments = ("-k", "in-time or case", "-r", "cpus=2")
    project.generate(*arguments)
    assert project.snakemake().returncode == 0
    assert "3 verdicts kept" in project.generate(*arguments, "--update").stdout
    os.utime(project.tree / "probe")
    assert "kept" not in project.generate(*arguments, "--update").stdout


@pytest.mark.needs("ninja")
def test_a_tree_of_several_configurations_wants_one_chosen(workspace: Workspace, tmp_path: Path) -> None:
    """Without a choice ctest would run nothing of it, so that is an error; with one the tests are there."""
    build(tmp_path / "build", "-G", "Ninja Multi-Config")
    refused = workspace.canary_wf("find", tmp_path / "build")
    assert refused.returncode == 3
    assert "several configurations (Debug;Release;RelWithDebInfo)" in refused.stderr
    assert "choose one with --ctest-config" in refused.stderr
    found = workspace.canary_wf("find", tmp_path / "build", "--ctest-config", "Debug", "--json")
    assert len(json.loads(found.stdout)["jobs"]) == 86


@pytest.mark.smoke
def test_the_example_passes(workspace: Workspace) -> None:
    """As its first lines say: build, generate, run."""
    build(workspace.tree, source=EXAMPLES / "ctest")
    workspace.generate("--resource-pool-file", EXAMPLES / "ctest" / "gpus.json")
    done = workspace.snakemake()
    assert done.returncode == 0, done.stderr
    assert workspace.counts() == {"SUCCESS": 6, "XFAIL": 1}
