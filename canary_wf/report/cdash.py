"""The session as CDash takes it: Build.xml and Test.xml in the form that CTest submits, for whoever uploads them.

Facts: what CTest 3.25 itself writes with ``-T Build -T Test``; times are epoch seconds, those of tests seconds.
"""

import os
import shlex
import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import msgspec

from canary_wf import __version__
from canary_wf.job.record import JobRecord
from canary_wf.job.state_file import OUTPUT_FILE
from canary_wf.job.status import Category, Outcome
from canary_wf.plan.batch_slice import PlannedJob
from canary_wf.report.junit import printable
from canary_wf.report.session import SessionState, tail

_LINES, _BYTES = 500, 65536
_STATUS = {Category.PASS: "passed", Category.FAIL: "failed", Category.CANCEL: "failed"}
_EXIT_CODES = {Outcome.TIMEOUT: "Timeout", Outcome.BROKEN: "BAD_COMMAND", Outcome.DIFFED: "Diffed"}
_TEXT, _NUMBER = "text/string", "numeric/double"


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """Under which names CDash shows a build: the machine, what was built, and the group, such as Nightly."""

    site: str = ""
    build: str = "canary-wf"
    track: str = "Experimental"


def cdash_report(state: SessionState, submission: Submission | None = None) -> dict[str, str]:
    """Return the files of the report by name."""
    submission = submission or Submission()
    records = [state.record(job) for job in state.plan.jobs]
    started = min((one.started for one in records if one.started is not None), default=state.plan.created)
    finished = max((one.finished for one in records if one.finished is not None), default=started)
    return {
        "Build.xml": _text(_build(_site(state, submission), state, started)),
        "Test.xml": _text(_tests(_site(state, submission), state, started, finished)),
    }


def _site(state: SessionState, submission: Submission) -> ET.Element:
    here = os.uname()
    stamp = datetime.fromtimestamp(state.plan.created, UTC).strftime("%Y%m%d-%H%M")
    attributes = {
        "BuildName": submission.build,
        "BuildStamp": f"{stamp}-{submission.track}",
        "Name": submission.site or here.nodename,
        "Generator": f"canary-wf-{__version__}",
        "OSName": here.sysname,
        "Hostname": here.nodename,
        "OSRelease": here.release,
        "OSVersion": here.version,
        "OSPlatform": here.machine,
    }
    return ET.Element("Site", {name: printable(value) for name, value in attributes.items()})


def _build(site: ET.Element, state: SessionState, started: float) -> ET.Element:
    """Return the build that the tests belong to: CDash shows tests with one, and here planning is all of it."""
    build = ET.SubElement(site, "Build")
    created = state.plan.created
    _add(build, "StartDateTime", _date(created))
    _add(build, "StartBuildTime", f"{created:.0f}")
    _add(build, "BuildCommand", "canary-wf generate")
    ET.SubElement(build, "Log", {"Encoding": "base64", "Compression": "bin/gzip"})
    _add(build, "EndDateTime", _date(started))
    _add(build, "EndBuildTime", f"{started:.0f}")
    _add(build, "ElapsedMinutes", f"{max(0.0, started - created) / 60:.1f}")
    return site


def _tests(site: ET.Element, state: SessionState, started: float, finished: float) -> ET.Element:
    testing = ET.SubElement(site, "Testing")
    _add(testing, "StartDateTime", _date(started))
    _add(testing, "StartTestTime", f"{started:.0f}")
    names = ET.SubElement(testing, "TestList")
    for job in state.plan.jobs:
        _add(names, "Test", _full_name(job))
    for job in state.plan.jobs:
        _add_test(testing, state, job)
    _add(testing, "EndDateTime", _date(finished))
    _add(testing, "EndTestTime", f"{finished:.0f}")
    _add(testing, "ElapsedMinutes", f"{(finished - started) / 60:.1f}")
    return site


def _add_test(testing: ET.Element, state: SessionState, job: PlannedJob) -> None:
    record = state.record(job)
    command = shlex.join(job.command)
    test = ET.SubElement(testing, "Test", {"Status": _STATUS.get(record.status.category, "notrun")})
    _add(test, "Name", job.name)
    _add(test, "Path", _folder(job))
    _add(test, "FullName", _full_name(job))
    _add(test, "FullCommandLine", command)
    results = ET.SubElement(test, "Results")
    if record.status.counts_as_failed:
        _measure(results, "Exit Code", _exit_code(record), _TEXT)
        _measure(results, "Exit Value", str(record.status.code), _TEXT)
    if record.duration is not None:
        _measure(results, "Execution Time", f"{record.duration:.6f}", _NUMBER)
    _measure(results, "Processors", str(job.cpus), _NUMBER)
    _measure(results, "Completion Status", _completion(record), _TEXT)
    _measure(results, "Command Line", command, _TEXT)
    output = "\n".join(tail(state.paths.job(job.directory) / OUTPUT_FILE, _LINES, _BYTES))
    _add(ET.SubElement(results, "Measurement"), "Value", output)
    if job.keywords:
        labels = ET.SubElement(test, "Labels")
        for keyword in job.keywords:
            _add(labels, "Label", keyword)


def _exit_code(record: JobRecord) -> str:
    return _EXIT_CODES.get(record.status.outcome, record.status.outcome.name.capitalize())


def _completion(record: JobRecord) -> str:
    if record.status.category in {Category.SKIP, Category.NONE}:
        return record.status.reason or "Not run"
    return f"Completed: {record.status.reason}" if record.status.reason else "Completed"


def _folder(job: PlannedJob) -> str:
    folder = job.path.rpartition("/")[0]
    return f"./{folder}" if folder else "."


def _full_name(job: PlannedJob) -> str:
    return f"{_folder(job)}/{job.name}"


def _measure(results: ET.Element, name: str, value: str, kind: str) -> None:
    _add(ET.SubElement(results, "NamedMeasurement", {"type": kind, "name": name}), "Value", value)


def _add(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = printable(text)


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%b %d %H:%M UTC")


def _text(root: ET.Element) -> str:
    ET.indent(root, "\t")
    return ET.tostring(root, encoding="unicode", xml_declaration=False).join(
        ('<?xml version="1.0" encoding="UTF-8"?>\n', "\n")
    )
