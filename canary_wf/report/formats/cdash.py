"""The session as CDash takes it: Build.xml and Test.xml in the form that CTest submits, for whoever uploads them.

Facts: what CTest 3.25 itself writes with ``-T Build -T Test``; times are epoch seconds, those of tests seconds.
"""

import os
import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import msgspec

from canary_wf._version import __version__
from canary_wf.report.formats.cdash_tests import TestWriter
from canary_wf.report.formats.junit import defused, printable
from canary_wf.report.session import SessionState


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
    writer = TestWriter(state)
    tests = [writer.job(job) for job in state.plan.jobs]
    tests += [
        writer.left_out(job) for job in (*state.plan.left_out, *(job for job in state.plan.masked if job.disabled))
    ]
    for test in tests:
        _add(names, "Test", test.findtext("FullName", ""))
    testing.extend(tests)
    _add(testing, "EndDateTime", _date(finished))
    _add(testing, "EndTestTime", f"{finished:.0f}")
    _add(testing, "ElapsedMinutes", f"{(finished - started) / 60:.1f}")
    return site


def _add(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = printable(text)


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%b %d %H:%M UTC")


def _text(root: ET.Element) -> str:
    ET.indent(root, "\t")
    text = defused(ET.tostring(root, encoding="unicode", xml_declaration=False))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'
