"""Tests of CTest as jobs, from listings as ctest gives them."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ctest_trees import FakeTree, answer, listed
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.discovery import Discovery, DiscoveryOptions, discover
from canary_wf.discovery.ctest import listing
from canary_wf.discovery.ctest.expand import families, job_names
from canary_wf.discovery.ctest.order import upstreams
from canary_wf.errors import InputError, MistakesError, UsageError
from canary_wf.spec.ctest_rules import CTestRules, ResourceItem
from canary_wf.spec.identity import job_id
from canary_wf.spec.job_spec import JobSpec

RECORDED = Path(__file__).parent / "ctest_recorded.json"
SCHEMA = Path(__file__).parents[3] / "canary_wf" / "discovery" / "job_files" / "jobs.schema.json"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeTree]:
    """Return an empty build tree with a ctest of its own."""
    listing._versions.clear()
    yield FakeTree(tmp_path, monkeypatch)
    listing._versions.clear()


def found(tree: FakeTree, **options: Any) -> Discovery:  # noqa: ANN401 - any option
    """Return what discovery finds in the build tree."""
    return discover([tree.folder], DiscoveryOptions(**options))


def jobs(tree: FakeTree, *tests: dict[str, Any], **options: Any) -> dict[str, JobSpec]:  # noqa: ANN401 - any option
    """Return the jobs that come of `tests`, by name."""
    tree.answers(answer(*tests))
    return {job.name: job for job in found(tree, **options).jobs}


def test_every_property_of_a_recorded_listing_arrives(tree: FakeTree) -> None:
    """What ctest 3.25 said of a test that has all properties."""
    tree.answers(RECORDED.read_text())
    discovery = found(tree)
    (job, required) = discovery.jobs
    assert (job.name, job.kind, job.path, job.command) == (
        "all",
        "ctest",
        "CTestTestfile.cmake",
        ("/usr/bin/sh", "-c", "exit 0"),
    )
    assert (job.cpus, job.gpus, job.resources) == (2, 4, {"crypto_chips": 1})
    assert job.resource_groups == (
        (ResourceItem("gpus", 2),),
        (ResourceItem("gpus", 2),),
        (ResourceItem("crypto_chips", 1),),
    )
    assert (job.timeout, job.runtime, job.keywords) == (3.5, 3.5, ("x", "y"))  # COST is 12, above the limit
    assert (job.exclusive, job.environment) == (True, {"A": "1", "B": "x y"})
    assert job.locks == tuple(f"{name}@{tree.folder}" for name in ("l1", "l2", "RUN_SERIAL"))
    assert job.working_directory == "/src/build"
    assert job.ctest == CTestRules(
        environment_modification=("A=set:2", "PATH=path_list_prepend:/x", "A=unset:"),
        required_files=("f1", "f2"),
        processor_affinity=True,
        will_fail=True,
        pass_regular_expression=("a[b;c",),  # a bracket keeps a list of CMake together
        fail_regular_expression=("q",),
        skip_regular_expression=("sk",),
        skip_return_code=7,
    )
    assert job.attributes["attached_files"] == ["a.txt"]
    assert job.attributes["measurement"] == [{"measurement": "m", "value": "1"}]
    assert [(edge.job, edge.when) for edge in job.dependencies] == [(required.id, "pass or skipped")]
    assert [warning.partition(": all: ")[2] for warning in discovery.warnings] == [
        "TIMEOUT_AFTER_MATCH has no effect here",
        "PASS_REGULAR_EXPRESSION: 'a[b;c' is not a regular expression of CMake (unmatched []), so it never matches",
    ]


def test_a_build_tree_is_asked_for_once(tree: FakeTree) -> None:
    """Nested test files belong to the uppermost one; what an include prints before the list does not disturb."""
    tree.write("a/CTestTestfile.cmake", "")
    tree.write("a/b/c/CTestTestfile.cmake", "")
    tree.answers("-- found 3 {things}\n" + answer(listed("one")))
    assert [job.path for job in found(tree).jobs] == ["CTestTestfile.cmake"]
    assert tree.listings() == [f"{tree.folder} --show-only=json-v1"]
    assert len(discover([tree.folder / "a"], DiscoveryOptions(ctest_config="Debug")).jobs) == 1
    assert tree.listings()[1:] == [f"{tree.folder}/a --show-only=json-v1 -C Debug"]


def test_trees_side_by_side_are_asked_each(tree: FakeTree) -> None:
    """The same test in two build trees is two jobs."""
    (tree.folder / "CTestTestfile.cmake").unlink()
    tree.write("debug/CTestTestfile.cmake", "")
    tree.write("release/CTestTestfile.cmake", "")
    tree.answers(answer(listed("one")))
    assert [(job.path, job.directory) for job in found(tree).jobs] == [
        ("debug/CTestTestfile.cmake", "debug/one"),
        ("release/CTestTestfile.cmake", "release/one"),
    ]


@pytest.mark.parametrize(
    ("text", "more", "message"),
    [
        ("", {"code": 8, "said": "CMake Error at CTestTestfile.cmake:1:\n  Parse error."}, "exit code 8.*Parse error"),
        ("no json", {}, "did not answer with a list of tests"),
        ('{"tests": 1}', {}, "did not answer with a list of tests"),
        (answer(listed("a", LABELS=3)), {}, "lists a property of test 'a' in a form that is not known"),
        (answer(listed("a", RESOURCE_GROUPS=[{}])), {}, "lists a property of test 'a'"),
        (answer(), {}, "describe no jobs"),
        (answer(listed("a")), {"version": "3.13.2"}, "needs ctest 3.14 or later, .* is 3.13"),
    ],
)
def test_a_ctest_that_does_not_answer_is_an_error_in_one_line(
    tree: FakeTree, text: str, more: dict[str, Any], message: str
) -> None:
    """Each names the file or folder, and an old ctest, which would run the tests, is not asked at all."""
    tree.answers(text, **more)
    with pytest.raises(InputError, match=message) as caught:
        found(tree)
    assert str(tree.folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_ctest_that_hangs_is_given_up(tree: FakeTree, monkeypatch: pytest.MonkeyPatch) -> None:
    """With all that it started, which may hold its output open; the limit can be set."""
    tree.answers("")
    program = tree.programs / "ctest"
    hangs = "import subprocess; subprocess.run(['/bin/sleep', '100']); sys.stdout.write"
    program.write_text(program.read_text().replace("sys.stdout.write", hangs))
    monkeypatch.setenv("CANARY_WF_CTEST_TIMEOUT", "0.5s")
    started = time.monotonic()
    message = "ctest took longer than 0.5 s to answer --show-only=json-v1.*CANARY_WF_CTEST_TIMEOUT"
    with pytest.raises(InputError, match=message):
        found(tree)
    assert time.monotonic() - started < 20
    (tree.folder / "CTestTestfile.cmake").unlink()
    for name in ("debug", "release", "other"):
        tree.write(f"{name}/CTestTestfile.cmake", "")
    with pytest.raises(InputError, match=message) as refused:
        found(tree)
    assert not isinstance(refused.value, MistakesError)  # the next tree would take as long


def test_all_trees_tell_their_mistakes(tree: FakeTree) -> None:
    """A build tree that ctest cannot list does not hide another one."""
    (tree.folder / "CTestTestfile.cmake").unlink()
    tree.write("debug/CTestTestfile.cmake", "")
    tree.write("release/CTestTestfile.cmake", "")
    tree.answers("no json")
    with pytest.raises(MistakesError) as refused:
        found(tree)
    assert [str(error.where)[len(str(tree.folder)) :] for error in refused.value.errors] == [
        *("/debug/CTestTestfile.cmake", "/release/CTestTestfile.cmake")
    ]


def test_without_ctest_the_error_says_what_to_install(tree: FakeTree) -> None:
    """It is needed only where there is a build tree; the one that made the tree is used where PATH has none."""
    with pytest.raises(InputError, match=r"needs ctest, which is not installed; install CMake"):
        found(tree)
    tree.answers(answer(listed("one")))
    elsewhere = (tree.programs / "ctest").rename(tree.folder / "ctest-3.25")
    tree.write("CMakeCache.txt", f"// the program\nCMAKE_CTEST_COMMAND:INTERNAL={elsewhere}\n")
    assert len(found(tree).jobs) == 1


def test_tests_that_ctest_does_not_list_are_jobs_that_cannot_start(tree: FakeTree) -> None:
    """CTest counts them as failed, so they are not passed over, and it is said beforehand."""
    tree.write("CTestTestfile.cmake", 'add_test("gone" NOT_AVAILABLE)')
    names = "Test project x\n  Test #1: one\n  Test #2: gone\n  Test #3: off (Disabled)\n\nTotal Tests: 3\n"
    tree.answers(answer(listed("one"), listed("off", DISABLED=True)), names=names)
    result = found(tree)
    specs = {job.name: job for job in result.jobs}
    assert set(specs) == {"one", "gone", "off"}
    reason = "the test is not available in this configuration; choose another one with --ctest-config"
    assert specs["gone"].ctest == CTestRules(unavailable=reason)
    assert any(f"gone: {reason}" in warning for warning in result.warnings)


def test_a_test_without_a_program_is_a_job_that_cannot_start(tree: FakeTree) -> None:
    """It may be that the project is not built yet."""
    specs = jobs(tree, {"name": "a", "properties": []})
    assert specs["a"].ctest is not None
    assert specs["a"].ctest.missing == "a"


def test_time_limits_come_from_test_command_line_and_tree(tree: FakeTree) -> None:
    """TIMEOUT wins, then --timeout by label or for ctest, then the tree's own default, then 1500 s."""
    tests = [listed("a"), listed("b", TIMEOUT=7.5), listed("c", TIMEOUT=0.0), listed("d", LABELS=["fast"])]
    assert {name: job.timeout for name, job in jobs(tree, *tests).items()} == {
        "a": 1500,
        "b": 7.5,
        "c": 86400,
        "d": 1500,
    }
    chosen = jobs(tree, *tests, timeouts={"fast": 9, "ctest": 60})
    assert {name: job.timeout for name, job in chosen.items()} == {"a": 60, "b": 7.5, "c": 86400, "d": 9}
    tree.write("DartConfiguration.tcl", "BuildDirectory: x\nTimeOut: 90\n")
    assert jobs(tree, *tests)["a"].timeout == 90


def test_expected_times_are_what_ctest_measured_or_the_cost(tree: FakeTree) -> None:
    """A measurement wins over COST; a test that was never run has neither. COST may be any number that orders tests."""
    measured = "a 3 1.25\nb 0 8\nwith space 2 4\nbroken line\nodd 1 1e999\nslow 1 2000\n---\nc\n"
    tree.write("Testing/Temporary/CTestCostData.txt", measured)
    tests = [listed("a", COST=100.0), listed("b", COST=2.0), listed("c"), listed("with space"), listed("n", COST=-1.0)]
    tests += [listed("first", COST=1e9, TIMEOUT=30.0), listed("odd"), listed("slow")]
    runtimes = {name: job.runtime for name, job in jobs(tree, *tests).items()}
    assert runtimes == {
        "a": 1.25,
        "b": 2.0,
        "c": None,
        "with_space": 4.0,
        "n": None,
        "first": 30.0,
        "odd": None,
        "slow": 2000.0,
    }


def test_what_is_disabled_is_masked_and_holds_nobody_up(tree: FakeTree) -> None:
    """A disabled set-up counts as one that worked."""
    specs = jobs(
        tree,
        listed("setup", DISABLED=True, FIXTURES_SETUP=["F"]),
        listed("use", FIXTURES_REQUIRED=["F"], DEPENDS=["setup", "nowhere"]),
    )
    assert specs["setup"].mask == "disabled (the property DISABLED)"
    assert (specs["use"].mask, specs["use"].dependencies) == (None, ())


def test_an_order_that_leads_through_a_disabled_test_stays(tree: FakeTree) -> None:
    """CTest passes over the disabled test at its place in the order; circles among disabled ones end."""
    specs = jobs(
        tree,
        listed("first"),
        listed("off", DISABLED=True, DEPENDS=["off too", "first"]),
        listed("off too", DISABLED=True, DEPENDS=["off too"]),
        listed("last", DEPENDS=["off"]),
    )
    assert [edge.job for edge in specs["last"].dependencies] == [specs["first"].id]
    assert specs["off"].dependencies == ()


def test_a_circle_is_told(tree: FakeTree) -> None:
    """So does ctest."""
    with pytest.raises(InputError, match="in a circle"):
        jobs(tree, listed("a", DEPENDS=["b"]), listed("b", DEPENDS=["a"]))
    with pytest.raises(InputError, match="in a circle"):
        jobs(tree, listed("a", FIXTURES_SETUP=["F"], FIXTURES_REQUIRED=["F"]))


def test_a_variable_without_a_value_is_removed(tree: FakeTree) -> None:
    """ENVIRONMENT with a bare name does what putenv does with it."""
    job = jobs(tree, listed("a", ENVIRONMENT=["A=1", "GONE", "A=2"]))["a"]
    assert job.environment == {"A": "2"}
    assert job.ctest is not None
    assert job.ctest.environment_modification == ("GONE=unset:",)


def test_order_and_fixtures_are_resolved_as_ctest_does() -> None:
    """Names mean the first test of that name; the clean-up waits for users and set-ups, whatever becomes of them."""
    names = ["setup", "use", "use", "cleanup", "after"]
    properties: list[dict[str, Any]] = [
        {"FIXTURES_SETUP": ["F"]},
        {"FIXTURES_REQUIRED": ["F", "none"]},
        {"FIXTURES_REQUIRED": ["F"], "DEPENDS": ["setup"]},
        {"FIXTURES_CLEANUP": ["F"]},
        {"DEPENDS": ["use", "missing"]},
    ]
    needed = "pass or skipped"
    assert upstreams(names, properties) == [
        {},
        {0: needed},
        {0: needed},
        {0: "always", 1: "always", 2: "always"},
        {1: "always"},
    ]


@given(st.lists(st.text(max_size=12) | st.sampled_from(["a b", "a_b", "a/../b", "/", ".", "é/ü"]), max_size=8))
def test_any_names_become_valid_and_different_job_names(names: list[str]) -> None:
    """They keep to the schema of job files, and a valid name that is there once stays as it is."""
    pattern = json.loads(SCHEMA.read_text())["$defs"]["job"]["properties"]["name"]["pattern"]
    given_names = job_names(names)
    assert len(set(given_names)) == len(names)
    assert all(re.search(pattern, name) for name in given_names)
    for name, chosen in zip(names, given_names, strict=True):
        if names.count(name) == 1 and re.search(pattern, name):
            assert chosen == name


def test_names_that_become_equal_are_numbered() -> None:
    """The one that is called so keeps the name, wherever it stands."""
    assert job_names(["a b", "a?b", "a_b", "a_b", "a_b@2"]) == ["a_b@3", "a_b@4", "a_b", "a_b@5", "a_b@2"]


def test_the_id_of_a_test_is_made_of_its_own_name_alone(tree: FakeTree) -> None:
    """Whatever others are called, those that are called the same included; the real name is the family."""
    odd = "Mesh: fine (3D)"
    alone = jobs(tree, listed(odd), listed("plain"), listed("a"))
    more = jobs(
        tree, listed("Mesh__fine__3D_"), listed("Mesh? fine [3D]"), listed(odd), listed("a@2"), listed("a"), listed("a")
    )
    by_family = {job.family: job for job in more.values()}
    assert alone["Mesh__fine__3D_"].id == by_family[odd].id == job_id("CTestTestfile.cmake", odd, {})
    assert by_family["a"].id == alone["a"].id
    assert alone["plain"].family == "plain"
    assert set(by_family) == {"Mesh__fine__3D_", "Mesh? fine [3D]", odd, "a@2", "a", "a@3"}
    assert by_family["a@3"].attributes["test"] == "a"
    selected = found(tree, keyword_expression=f"'{odd.upper()}'").jobs
    assert [job.family for job in selected if job.mask is None] == [odd]
    with pytest.raises(UsageError, match="into quotes"):
        found(tree, keyword_expression=odd)


@given(st.lists(st.text(max_size=3) | st.sampled_from(["a", "a@2", "a@3"]), max_size=8))
def test_families_are_different_and_the_first_of_a_name_keeps_it(names: list[str]) -> None:
    """So that ids are, too."""
    made = families(names)
    assert len(set(made)) == len(names)
    assert all(family == name for family, name in zip(made, names, strict=True) if names.count(name) == 1)
