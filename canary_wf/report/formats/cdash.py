"""The session in CDash's format: Build.xml and Test.xml as CTest submits them, for uploading.

Source: what CTest 3.25 writes with ``-T Build -T Test``. Points in time are epoch seconds, durations seconds.
"""

import os
import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import msgspec

from canary_wf._version import __version__
from canary_wf.report.formats.cdash_tests import TestWriter
from canary_wf.report.formats.junit import defused, xml_text
from canary_wf.report.session import SessionState


class CDashBuild(msgspec.Struct, frozen=True, kw_only=True):
    """The names under which CDash shows a build: the machine, the project's build, and the group, such as Nightly."""

    site: str = ""
    build: str = "canary-wf"
    track: str = "Experimental"


def cdash_report(state: SessionState, build: CDashBuild | None = None) -> dict[str, str]:
    """Return the files of the report by name."""
    build = build or CDashBuild()
    records = [state.record(job) for job in state.plan.jobs]
    started = min((one.started for one in records if one.started is not None), default=state.plan.created)
    finished = max((one.finished for one in records if one.finished is not None), default=started)
    return {
        "Build.xml": _text(_build(_site(state, build), state, started)),
        "Test.xml": _text(_tests(_site(state, build), state, started, finished)),
    }


def _site(state: SessionState, build: CDashBuild) -> ET.Element:
    here = os.uname()
    stamp = datetime.fromtimestamp(state.plan.created, UTC).strftime("%Y%m%d-%H%M")
    attributes = {
        "BuildName": build.build,
        "BuildStamp": f"{stamp}-{build.track}",
        "Name": build.site or here.nodename,
        "Generator": f"canary-wf-{__version__}",
        "OSName": here.sysname,
        "Hostname": here.nodename,
        "OSRelease": here.release,
        "OSVersion": here.version,
        "OSPlatform": here.machine,
    }
    return ET.Element("Site", {name: xml_text(value) for name, value in attributes.items()})


def _build(site: ET.Element, state: SessionState, started: float) -> ET.Element:
    """Return the build to which the tests belong: CDash requires one, and here it consists of planning alone."""
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
    ET.SubElement(parent, name).text = xml_text(text)


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%b %d %H:%M UTC")


def _text(root: ET.Element) -> str:
    ET.indent(root, "\t")
    text = defused(ET.tostring(root, encoding="unicode", xml_declaration=False))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'
