"""The JUnit report: valid by the common schema whatever a job prints, with the right counts."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import xmlschema
from factories import plan_of, spec
from hypothesis import given
from hypothesis import strategies as st
from sessions import recorded

from canary_wf.plan.store import load_plan
from canary_wf.report.formats.junit import OUTPUT_LINES, junit_report, xml_text
from canary_wf.report.session import SessionState, load_session
from canary_wf.state.events import JobFinished, JobRetried, JobStarted
from canary_wf.state.recording import open_recorder
from canary_wf.verdict.status import Outcome, Status

SCHEMA = xmlschema.XMLSchema(Path(__file__).with_name("junit.xsd"))
HOSTILE = ']]> <failure/> & "quotes" \'\x00\x08\x1b[31mred\x1b[0m\ufffe\udcff é 𝄞\r\n</testsuites>\n'
EVERY = [outcome for outcome in Outcome if outcome is not Outcome.NONE]


def _state(out: Path, *, reason: str | None = None, output: str = "said\n") -> SessionState:
    """Return a session with a job of each outcome in one file, and one that did not run in another."""
    jobs = [spec(f"job {outcome.name}", path="sub/all.pyt") for outcome in EVERY]
    plan = plan_of(jobs, [spec("never", path="other.jobs.yaml")])
    outcomes = {f"job {outcome.name}": outcome for outcome in EVERY}
    return load_session(recorded(out, plan, outcomes, reason=reason, output=output))


def _suites(text: str) -> dict[str, ET.Element]:
    SCHEMA.validate(text)
    return {suite.get("name", ""): suite for suite in ET.fromstring(text)}  # noqa: S314 - our own report


def test_counts_are_those_of_the_cases(tmp_path: Path) -> None:
    """In each suite and in the whole report, every number can be found again."""
    text = junit_report(_state(tmp_path))
    root = ET.fromstring(text)  # noqa: S314 - our own report
    for element in (root, *_suites(text).values()):
        cases = list(element.iter("testcase"))
        for attribute, tag in {"failures": "failure", "errors": "error", "skipped": "skipped"}.items():
            if element is root and tag == "skipped":
                assert element.get(attribute) is None  # junit-10.xsd does not know it there
                continue
            assert int(element.get(attribute, "")) == len([case for case in cases if case.find(tag) is not None])
        assert int(element.get("tests", "")) == len(cases)
        total = sum(float(case.get("time", "")) for case in cases)
        assert float(element.get("time", "")) == pytest.approx(total)
    assert root.get("tests") == str(len(EVERY) + 1)


def test_each_outcome_has_its_element(tmp_path: Path) -> None:
    """What the test found is a failure, what kept it from finding out an error, and what did not run is skipped."""
    suites = _suites(junit_report(_state(tmp_path)))
    tags = {
        case.get("name", "").removeprefix("job "): next((child.tag for child in case), "")
        for suite in suites.values()
        for case in suite
    }
    assert tags == {
        **dict.fromkeys(("SUCCESS", "XDIFF", "XFAIL"), ""),
        **dict.fromkeys(("DIFFED", "FAILED", "TIMEOUT"), "failure"),
        **dict.fromkeys(("ERROR", "BROKEN", "INVALID", "CANCELLED", "INTERRUPTED"), "error"),
        **dict.fromkeys(("SKIPPED", "BLOCKED", "never"), "skipped"),
    }


def test_suites_are_files_and_failures_carry_reason_and_output(tmp_path: Path) -> None:
    """What a CI server shows is enough to see what went wrong."""
    suites = _suites(junit_report(_state(tmp_path, reason="exit code 3", output="one\ntwo\n")))
    assert sorted(suites) == ["other.jobs.yaml", "sub/all.pyt"]
    failure = suites["sub/all.pyt"].find("testcase[@name='job FAILED']/failure")
    assert failure is not None
    assert (failure.get("message"), failure.get("type"), failure.text) == ("exit code 3", "FAILED", "one\ntwo")
    case = suites["sub/all.pyt"].find("testcase")
    assert case is not None
    assert case.get("classname") == "sub.all"
    assert suites["sub/all.pyt"].get("timestamp") == "1970-01-01T00:16:40"


def test_hostile_output_and_reasons_cannot_break_the_report(tmp_path: Path) -> None:
    """Control characters, half characters and markup of a test are shown as text."""
    text = junit_report(_state(tmp_path, reason=HOSTILE.replace("\udcff", ""), output=HOSTILE))
    failure = _suites(text)["sub/all.pyt"].find("testcase[@name='job FAILED']/failure")
    assert failure is not None
    assert failure.text is not None
    assert ']]> <failure/> & "quotes"' in failure.text
    assert "</testsuites>" in failure.text
    assert "\x1b" not in text


def test_long_output_is_cut_to_its_end(tmp_path: Path) -> None:
    """The report of a chatty job stays readable."""
    output = "".join(f"line {number}\n" for number in range(10_000))
    failure = _suites(junit_report(_state(tmp_path, output=output)))["sub/all.pyt"].find(".//failure")
    assert failure is not None
    assert failure.text is not None
    assert failure.text.splitlines() == [f"line {number}" for number in range(10_000 - OUTPUT_LINES, 10_000)]


@pytest.mark.parametrize(("last", "kind"), [(Outcome.SUCCESS, "flaky"), (Outcome.TIMEOUT, "rerun")])
def test_each_run_of_a_retried_job_is_told(tmp_path: Path, last: Outcome, kind: str) -> None:
    """With its reason and output, in the elements that Surefire and its readers have for it; the last one counts."""
    paths = recorded(tmp_path, plan_of([spec("a")]), {}, running=["a"], output="last\n")
    plan = load_plan(paths.plan)
    job = plan.jobs[0].id
    (paths.job("a") / "canary-out.1.txt").write_text("first\x1b\n")
    recorder = open_recorder(paths, plan.batches[0].id, plan.jobs, ())
    for status, output in (
        (Status.of(Outcome.FAILED, "exit code 3"), "canary-out.1.txt"),
        (Status.of(Outcome.BROKEN), None),
    ):
        recorder(JobRetried.of(job, status, 1001.0, {}, output))
        recorder(JobStarted(time=1002.0, job=job, resources={}))
    recorder(JobFinished.of(job, Status.of(last, None), 1003.0))
    recorder.close()
    suite = _suites(junit_report(load_session(paths)))["t.jobs.yaml"]
    case = suite[0]
    verdict = [] if last.category.value == "PASS" else ["failure"]
    assert [child.tag for child in case] == [*verdict, f"{kind}Failure", f"{kind}Error"]
    first, second = case[-2:]
    assert (first.get("message"), first.get("type"), first.findtext("system-out")) == (
        "exit code 3",
        "FAILED",
        "first\ufffd",
    )
    assert (second.get("message"), second.get("type"), len(second)) == ("BROKEN", "BROKEN", 0)
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("1", str(len(verdict)), "0")


@given(st.text(alphabet=st.characters()))
def test_printable_text_is_always_well_formed(text: str) -> None:
    """Whatever Python holds as text, surrogates included, XML can hold what is left of it."""
    element = ET.Element("a", {"b": xml_text(text)})
    element.text = xml_text(text)
    ET.fromstring(ET.tostring(element))  # noqa: S314 - our own text
    assert xml_text("plain é 𝄞\t\n") == "plain é 𝄞\t\n"
