"""The JUnit report: one test suite a test file, one test case a job, in the form that CI servers read.

Format: `junit-10.xsd` of the Jenkins xUnit plug-in (https://github.com/jenkinsci/xunit-plugin), which GitLab and
GitHub actions read too; times are seconds. By it, the number of skipped cases stands at suites, not above them.
"""

import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime

from canary_wf.job.record import JobRecord
from canary_wf.job.state_file import OUTPUT_FILE
from canary_wf.job.status import Category, Outcome
from canary_wf.plan.batch_slice import PlannedJob
from canary_wf.report.session import SessionState, tail

OUTPUT_LINES = 200
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_COMMAND = re.compile(r"^([^\S\n]*):(?=:)", re.MULTILINE)
_ERRORS = {Outcome.BROKEN, Outcome.ERROR, Outcome.INVALID, Outcome.CANCELLED, Outcome.INTERRUPTED}


def junit_report(state: SessionState) -> str:
    """Return the session as JUnit XML."""
    suites: dict[str, list[PlannedJob]] = {}
    for job in state.plan.jobs:
        suites.setdefault(job.path, []).append(job)
    totals = _totals(state, state.plan.jobs)
    root = ET.Element("testsuites", {"name": "canary-wf", **{key: totals[key] for key in totals if key != "skipped"}})
    for path, jobs in sorted(suites.items()):
        started = min((record.started for job in jobs if (record := state.record(job)).started), default=None)
        stamp = datetime.fromtimestamp(started or state.plan.created, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        suite = ET.SubElement(
            root, "testsuite", {"name": printable(path), "timestamp": stamp, **_totals(state, jobs), "hostname": "-"}
        )
        for job in jobs:
            _add_case(suite, state, job)
    ET.indent(root)
    return defused(ET.tostring(root, encoding="unicode", xml_declaration=True)) + "\n"


def _totals(state: SessionState, jobs: "tuple[PlannedJob, ...] | list[PlannedJob]") -> dict[str, str]:
    tags = [_tag(state.record(job)) for job in jobs]
    seconds = sum(state.record(job).duration or 0.0 for job in jobs)
    return {
        "tests": str(len(jobs)),
        "failures": str(tags.count("failure")),
        "errors": str(tags.count("error")),
        "skipped": str(tags.count("skipped")),
        "time": f"{seconds:.3f}",
    }


def _tag(record: JobRecord) -> str | None:
    category = record.status.category
    if category is Category.PASS:
        return None
    if category in {Category.SKIP, Category.NONE}:
        return "skipped"
    return "error" if record.status.outcome in _ERRORS else "failure"


def _add_case(suite: ET.Element, state: SessionState, job: PlannedJob) -> None:
    record = state.record(job)
    classname = job.path.rsplit(".", 1)[0].replace("/", ".")
    case = ET.SubElement(
        suite,
        "testcase",
        {"name": printable(job.name), "classname": printable(classname), "time": f"{record.duration or 0.0:.3f}"},
    )
    tag = _tag(record)
    if tag is None:
        _add_attempts(case, record)
        return
    outcome = record.status.outcome.name if record.status.category is not Category.NONE else "NOT RUN"
    message = record.status.reason or outcome
    child = ET.SubElement(case, tag, {"message": printable(message), "type": outcome})
    if tag != "skipped":
        lines = tail(state.paths.job(job.directory) / OUTPUT_FILE, OUTPUT_LINES, 65536)
        child.text = printable("\n".join(lines))
    _add_attempts(case, record)


def _add_attempts(case: ET.Element, record: JobRecord) -> None:
    """Tell of the runs before the last one, in the only place that the common schema has for it."""
    if record.earlier:
        told = [
            f"attempt {number}: {run.status.outcome.name}: {run.status.reason or ''} ({run.output or 'no output'})"
            for number, run in enumerate(record.earlier, start=1)
        ]
        ET.SubElement(case, "system-out").text = printable("\n".join(told))


def defused(xml: str) -> str:
    """Return the same document in which no line is a command to a GitHub runner that it is printed to."""
    return _COMMAND.sub(r"\1&#58;", xml).replace("##[", "#&#35;[")


def printable(text: str) -> str:
    """Return `text` without the characters that XML cannot hold, which a test's output may well contain."""
    return _FORBIDDEN.sub("\ufffd", text)
