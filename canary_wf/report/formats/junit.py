"""The JUnit report: one test suite per test file, one test case per job, in the form that CI servers read.

Format: `junit-10.xsd` of the Jenkins xUnit plug-in (https://github.com/jenkinsci/xunit-plugin), which GitLab and GitHub
actions read, too. Times are seconds. In this schema the number of skipped cases is an attribute of suites only.
"""

import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from canary_wf.plan.model import LeftOut
from canary_wf.report.batch_runs import run_at
from canary_wf.report.formats.case_names import CaseName, case_names, source_location
from canary_wf.report.html.page_link import PageLinks
from canary_wf.report.session import SessionState, tail
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.state.job_file import OUTPUT_FILE
from canary_wf.state.record import JobRecord
from canary_wf.state.session_paths import relative_to_out
from canary_wf.verdict.status import Category, Outcome

OUTPUT_LINES = 200
_MOST_BYTES = 1 << 16
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_COMMAND = re.compile(r"^([^\S\n]*):(?=:)", re.MULTILINE)
_ERRORS = {Outcome.BROKEN, Outcome.ERROR, Outcome.INVALID, Outcome.CANCELLED, Outcome.INTERRUPTED}


def junit_report(state: SessionState) -> str:
    """Return the session as JUnit XML; left-out jobs count as skipped."""
    suites: dict[tuple[str, str], _Suite] = {}
    for job in state.plan.jobs:
        suites.setdefault((job.path, job.file), _Suite()).jobs.append(job)
    for each in state.plan.left_out:
        suites.setdefault((each.path, each.file), _Suite()).left_out.append(each)
    cases, links = case_names(state.plan), PageLinks(state)
    totals = _totals(state, state.plan.jobs, len(state.plan.left_out))
    root = ET.Element("testsuites", {"name": "canary-wf", **{key: totals[key] for key in totals if key != "skipped"}})
    for (path, _), suite in sorted(suites.items()):
        element = ET.SubElement(root, "testsuite", _suite_attributes(state, path, suite))
        for job in suite.jobs:
            _add_case(element, state, job, cases[job.id], links)
        for each in suite.left_out:
            _add_left_out(element, state, each, cases[each.id])
    ET.indent(root)
    return defused(ET.tostring(root, encoding="unicode", xml_declaration=True)) + "\n"


class _Suite(msgspec.Struct):
    """The jobs of one test file."""

    jobs: list[PlannedJob] = []
    left_out: list[LeftOut] = []


def _suite_attributes(state: SessionState, path: str, suite: _Suite) -> dict[str, str]:
    started = min((record.started for job in suite.jobs if (record := state.record(job)).started), default=None)
    stamp = datetime.fromtimestamp(started or state.plan.created, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    totals = _totals(state, suite.jobs, len(suite.left_out))
    return {"name": xml_text(path), "timestamp": stamp, **totals, "hostname": xml_text(_host(state, suite.jobs))}


def _host(state: SessionState, jobs: Sequence[PlannedJob]) -> str:
    """Return the host where `jobs` ran, the first if there are several; this machine if none ran."""
    ran = (run_at(state.runs.get(job.batch, ()), state.record(job).started) for job in jobs)
    return next((run.host for run in ran if run is not None), os.uname().nodename)


def _totals(state: SessionState, jobs: Sequence[PlannedJob], left_out: int) -> dict[str, str]:
    tags = [_tag(state.record(job)) for job in jobs]
    seconds = sum(state.record(job).duration or 0.0 for job in jobs)
    return {
        "tests": str(len(jobs) + left_out),
        "failures": str(tags.count("failure")),
        "errors": str(tags.count("error")),
        "skipped": str(tags.count("skipped") + left_out),
        "time": f"{seconds:.3f}",
    }


def _tag(record: JobRecord) -> str | None:
    category = record.status.category
    if category is Category.PASS:
        return None
    if category in {Category.SKIP, Category.NONE}:
        return "skipped"
    return "error" if record.status.outcome in _ERRORS else "failure"


def _case(
    suite: ET.Element, state: SessionState, job: PlannedJob | LeftOut, case: CaseName, seconds: float
) -> ET.Element:
    file, line = source_location(job, state.paths.out)
    attributes = {"name": case.name, "classname": case.classname, "time": f"{seconds:.3f}", "file": file}
    if line is not None:
        attributes["line"] = str(line)
    return ET.SubElement(suite, "testcase", {name: xml_text(value) for name, value in attributes.items()})


def _add_left_out(suite: ET.Element, state: SessionState, job: LeftOut, name: CaseName) -> None:
    case = _case(suite, state, job, name, 0.0)
    message = f"left out: {job.reason}" + (f"; generate with {job.hint} to run it" if job.hint else "")
    ET.SubElement(case, "skipped", {"message": xml_text(message), "type": "LEFT OUT"})


def _add_case(suite: ET.Element, state: SessionState, job: PlannedJob, name: CaseName, links: PageLinks) -> None:
    record = state.record(job)
    case = _case(suite, state, job, name, record.duration or 0.0)
    tag = _tag(record)
    if tag is None:
        _add_attempts(case, state, job)
        _add_texts(case, state, job, None)
        return
    outcome = record.status.outcome.name if record.status.category is not Category.NONE else "NOT RUN"
    message = record.status.reason or outcome
    child = ET.SubElement(case, tag, {"message": xml_text(message), "type": outcome})
    if tag != "skipped":
        child.text = _output(state, job, OUTPUT_FILE)
    _add_attempts(case, state, job)
    _add_texts(case, state, job, None if tag == "skipped" else links.of(job.id))


def _add_attempts(case: ET.Element, state: SessionState, job: PlannedJob) -> None:
    """Add an element for each run that was followed by another, as Maven's Surefire does, with the end of its output.

    Of a job that passed in the end they are called flaky, else rerun; the verdict is that of the last run.
    """
    record = state.record(job)
    kind = "flaky" if record.status.is_pass else "rerun"
    for run in record.earlier:
        outcome = run.status.outcome
        message = run.status.reason or outcome.name
        tag = f"{kind}{'Error' if outcome in _ERRORS else 'Failure'}"
        child = ET.SubElement(case, tag, {"message": xml_text(message), "type": outcome.name})
        if run.output is not None:
            ET.SubElement(child, "system-out").text = _output(state, job, run.output)


def _output(state: SessionState, job: PlannedJob, name: str) -> str:
    lines = tail(state.paths.job(job.directory) / name, OUTPUT_LINES, _MOST_BYTES)
    return xml_text("\n".join(lines))


def _add_texts(case: ET.Element, state: SessionState, job: PlannedJob, link: str | None) -> None:
    """Name artifacts and page, in the only element that the common schema has for it.

    CI servers show the file of a line ``[[ATTACHMENT|PATH]]`` with the test case.
    """
    folder = relative_to_out(state.paths.job(job.directory), state.paths.out)
    artifacts = state.record(job).artifacts
    lines = [f"[[ATTACHMENT|{folder}/{file.path}]]" for file in artifacts.kept if file.path.isprintable()]
    lines += [f"artifact that is not there: {name}" for name in artifacts.missing]
    lines += [] if link is None else [f"page: {link}"]
    if lines:
        ET.SubElement(case, "system-out").text = xml_text("\n".join(lines))


def defused(xml: str) -> str:
    """Return the same document, without any line that a GitHub runner would execute as a command."""
    return _COMMAND.sub(r"\1&#58;", xml).replace("##[", "#&#35;[")


def xml_text(text: str) -> str:
    """Return `text` without characters that XML cannot hold; a test's output may contain them."""
    return _FORBIDDEN.sub("\ufffd", text)
