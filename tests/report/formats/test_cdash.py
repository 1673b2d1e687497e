"""The CDash report: the elements that CTest itself writes, in its order, with the right verdicts."""

import os
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest
from factories import plan_of, spec
from sessions import recorded

from canary_wf.report.formats.cdash import CDashBuild, cdash_report
from canary_wf.report.session import SessionState, load_session
from canary_wf.spec.job_spec import JobSpec
from canary_wf.state.session_paths import SessionPaths
from canary_wf.verdict.status import Outcome

HOSTILE = "]]> </Value> & \x00\x1b[31m \udcff é\n"
EVERY = [outcome for outcome in Outcome if outcome is not Outcome.NONE]

CTEST = """\
add_test(ok true)
set_tests_properties(ok PROPERTIES LABELS "fast;unit")
add_test(bad false)
"""
DART = "SourceDirectory: {0}\nBuildDirectory: {0}\nSite: here\nBuildName: one\nMakeCommand: true\nTimeOut: 60\n"


def _state(out: Path, output: str = "said\n") -> SessionState:
    jobs = [spec(outcome.name, path="sub/all.pyt", keywords=("fast", "unit")) for outcome in EVERY]
    plan = plan_of(jobs, [spec("never")])
    outcomes = {outcome.name: outcome for outcome in EVERY}
    return load_session(recorded(out, plan, outcomes, output=output, reason="why"))


def _files(state: SessionState, submission: CDashBuild | None = None) -> dict[str, ET.Element]:
    files = cdash_report(state, submission).items()
    return {name: ET.fromstring(text) for name, text in files}  # noqa: S314 - our own report


def _paths(element: ET.Element, above: str = "") -> Iterator[str]:
    path = f"{above}/{element.tag}"
    yield path
    for child in element:
        yield from _paths(child, path)


@pytest.mark.needs("ctest")
@pytest.mark.parametrize("name", ["Build.xml", "Test.xml"])
def test_elements_and_attributes_are_those_of_ctest(tmp_path: Path, name: str) -> None:
    """Everything that we write is in what the real ctest writes, and its main elements are all there."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "CTestTestfile.cmake").write_text(CTEST)
    (tree / "DartConfiguration.tcl").write_text(DART.format(tree))
    subprocess.run(["ctest", "-T", "Build", "-T", "Test"], cwd=tree, capture_output=True, timeout=120, check=False)
    theirs = ET.parse(next(tree.glob(f"Testing/*/{name}"))).getroot()  # noqa: S314 - ctest's own report
    ours = _files(_state(tmp_path / "out"))[name]
    assert set(_paths(ours)) <= set(_paths(theirs))
    assert set(ours.attrib) <= set(theirs.attrib)
    main, their_main = ([child.tag for child in root[0] if child.tag != "Test"] for root in (ours, theirs))
    assert main == their_main
    if name == "Test.xml":
        reasons = {"Fail Reason", "Pass Reason"}  # which ctest writes where expressions matched
        measured = {one.get("name") for one in theirs.iter("NamedMeasurement")} | reasons
        assert {one.get("name") for one in ours.iter("NamedMeasurement")} <= measured


def test_each_outcome_has_its_status(tmp_path: Path) -> None:
    """What did not run is no failure; what was cancelled is one."""
    tests = _files(_state(tmp_path))["Test.xml"].findall("Testing/Test")
    status = {test.findtext("Name"): test.get("Status") for test in tests}
    assert status == {
        **dict.fromkeys(("SUCCESS", "XDIFF", "XFAIL"), "passed"),
        **dict.fromkeys(("DIFFED", "FAILED", "ERROR", "BROKEN", "TIMEOUT", "INVALID"), "failed"),
        **dict.fromkeys(("CANCELLED", "INTERRUPTED"), "failed"),
        **dict.fromkeys(("SKIPPED", "BLOCKED", "never"), "notrun"),
    }


def test_a_failure_tells_how_it_ended(tmp_path: Path) -> None:
    """By the words that CDash knows, with command, time, output and labels."""
    tests = _files(_state(tmp_path))["Test.xml"].findall("Testing/Test")
    test = next(test for test in tests if test.findtext("Name") == "TIMEOUT")
    measured = {one.get("name"): one.findtext("Value") for one in test.iter("NamedMeasurement")}
    assert measured == {
        "Exit Code": "Timeout",
        "Exit Value": "0",
        "Execution Time": "2.000000",
        "Processors": "1",
        "Completion Status": "Completed",
        "Fail Reason": "why",
        "Command Line": "true",
    }
    assert test.findtext("FullName") == "./sub/all.pyt/TIMEOUT"
    assert test.findtext("Results/Measurement/Value") == "said"
    assert [label.text for label in test.iter("Label")] == ["fast", "unit"]
    broken = next(test for test in tests if test.findtext("Name") == "BROKEN")
    assert broken.findtext("Results/NamedMeasurement[@name='Exit Code']/Value") == "BAD_COMMAND"


def test_the_names_of_a_submission_are_the_users(tmp_path: Path) -> None:
    """Both files belong to one build by site, name and stamp."""
    files = _files(_state(tmp_path), CDashBuild(site="node7", build="gcc", track="Nightly"))
    for site in files.values():
        assert (site.get("Name"), site.get("BuildName"), site.get("BuildStamp")) == (
            *("node7", "gcc"),
            "19700101-0000-Nightly",
        )


def test_hostile_output_cannot_break_the_report(tmp_path: Path) -> None:
    """It is text, without what XML cannot hold."""
    tests = _files(_state(tmp_path, HOSTILE))["Test.xml"].findall("Testing/Test")
    value = next(test for test in tests if test.findtext("Name") == "FAILED").findtext("Results/Measurement/Value")
    assert value == "]]> </Value> & \ufffd\ufffd[31m \ufffd é"


def _names(*jobs: JobSpec) -> list[tuple[str | None, str | None, str | None]]:
    state = SessionState(SessionPaths(Path("/out"), "s"), plan_of(list(jobs)), {}, live=False, begun=False)
    tests = _files(state)["Test.xml"].findall("Testing/Test")
    return [(test.findtext("Name"), test.findtext("Path"), test.findtext("FullName")) for test in tests]


def test_full_names_go_through_the_file_of_a_job() -> None:
    """Two files of one folder may have jobs of one name."""
    jobs = [spec("a", id=f"{number}" * 20, path=path) for number, path in enumerate(("x/1.pyt", "x/2.pyt"))]
    assert _names(*jobs) == [("a", f"./x/{number}.pyt", f"./x/{number}.pyt/a") for number in (1, 2)]


def test_full_names_tell_build_trees_apart() -> None:
    """One tree has the names that ctest gives, two of one name are told apart by their folders."""

    def test(tree: str) -> JobSpec:
        file = f"{tree}/CTestTestfile.cmake"
        fields = {"path": file, "file": f"/{file}", "working_directory": f"/{tree}/sub", "attributes": {"test": "a b"}}
        return spec("a_b", kind="ctest", id=f"{len(tree):020}", **fields)

    assert _names(test("debug")) == [("a b", "./sub", "./sub/a_b")]
    assert [full for *_, full in _names(test("debug"), test("release"))] == ["./debug/sub/a_b", "./release/sub/a_b"]


def test_files_of_another_users_workspace_are_not_attached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may name what only its reader may see, and the report may be read by all."""
    (tmp_path / "secret").write_text("secret")
    job = spec("a", kind="ctest", attributes={"attached_files": [str(tmp_path / "secret")]})
    state = load_session(recorded(tmp_path, plan_of([job]), {"a": Outcome.SUCCESS}))
    path = "Testing/Test/NamedMeasurement[@name='Attached File']"
    attached = _files(state)["Test.xml"].find(path)
    assert attached is not None
    assert attached.get("filename") == "secret"
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    attached = _files(state)["Test.xml"].find(path)
    assert attached is not None
    assert attached.findtext("Value") == f"File {tmp_path}/secret is not attached: the workspace is another user's"
