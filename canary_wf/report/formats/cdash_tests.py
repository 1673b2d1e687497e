"""One test of a CDash report, element by element as CTest writes it.

Source: cmCTestTestHandler of CMake 3.25, and its output with ``-T Test``. CDash identifies a test by its name and its
full name, which is a path: for a CTest test from the top of its build tree, as CTest names it; for any other job from
the top of the test tree, including the job's file.
"""

import posixpath
import re
import shlex
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from canary_wf.files.plain_files import LARGEST_INPUT, read_plain
from canary_wf.plan.model import LeftOut
from canary_wf.report.formats.attachments import Attachments, Measurement, Output, read_output
from canary_wf.report.formats.case_names import real_name
from canary_wf.report.formats.cdash_words import COMPLETED, DISABLED, Ending, ending_of
from canary_wf.report.formats.junit import xml_text
from canary_wf.report.session import SessionState
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.spec.job_spec import JobSpec
from canary_wf.state.job_file import OUTPUT_FILE
from canary_wf.state.trust import is_trusted

_LINES, _BYTES = 500, 65536
TEXT, NUMBER = "text/string", "numeric/double"


class TestWriter:
    """Writes the tests of one session."""

    __test__ = False  # otherwise pytest takes it for a test

    def __init__(self, state: SessionState) -> None:
        self._state = state
        self._out = state.paths.out
        self._attachments = Attachments(allowed=is_trusted(self._out, [state.paths.session]))
        disabled = [job for job in state.plan.masked if job.disabled]
        jobs: list[PlannedJob | LeftOut] = [*state.plan.jobs, *state.plan.left_out, *disabled]
        self._paths = {job.id: self._path(job) for job in jobs}
        self._full = self._full_names(jobs)

    def job(self, job: PlannedJob) -> ET.Element:
        """Return the element of `job`."""
        record = self._state.record(job)
        ending = ending_of(job, record)
        output = read_output(self._state.paths.job(job.directory) / OUTPUT_FILE)
        command = "" if ending.status == "notrun" and not record.pid else command_line(job)
        test = self._test(job, ending.status, command)
        results = ET.SubElement(test, "Results")
        if ending.status != "notrun":
            self._ran(results, job, ending, output, record.duration)
        measure(results, "Processors", str(job.cpus), NUMBER)
        completion = output.summary if output.summary and ending.completion == COMPLETED else ending.completion
        measure(results, "Completion Status", completion)
        measure(results, "Command Line", command)
        for each in _listed(job.attributes.get("measurement")):
            if isinstance(each, dict):
                measure(results, str(each.get("measurement", "")), str(each.get("value", "")))
        add(ET.SubElement(results, "Measurement"), "Value", _end_of(output.text) or ending.output)
        self._attach(test, job, ending)
        labels = (*job.keywords, *output.labels)
        _add_labels(test, sorted(set(labels)) if job.kind == "ctest" else labels)
        return test

    def left_out(self, job: LeftOut) -> ET.Element:
        """Return the element of a job that was left out."""
        why = DISABLED if job.disabled else job.reason
        hint = f"; generate with {job.hint} to run it" if job.hint and not job.disabled else ""
        test = self._test(job, "notrun", "")
        results = ET.SubElement(test, "Results")
        measure(results, "Processors", str(job.cpus), NUMBER)
        measure(results, "Completion Status", why)
        measure(results, "Command Line", "")
        add(ET.SubElement(results, "Measurement"), "Value", f"{why}{hint}")
        _add_labels(test, sorted(set(job.keywords)) if job.test is not None else job.keywords)
        return test

    def _test(self, job: PlannedJob | LeftOut, status: str, command: str) -> ET.Element:
        test = ET.Element("Test", {"Status": status})
        add(test, "Name", _name(job))
        add(test, "Path", self._paths[job.id])
        add(test, "FullName", self._full[job.id])
        add(test, "FullCommandLine", command)
        return test

    def _ran(self, results: ET.Element, job: PlannedJob, ending: Ending, output: Output, seconds: float | None) -> None:
        if ending.code is not None:
            measure(results, "Exit Code", ending.code)
            measure(results, "Exit Value", str(ending.value or 0))
        for each in output.measurements:
            self._printed(results, job, each)
        if seconds is not None:
            measure(results, "Execution Time", f"{seconds:.6f}", NUMBER)
        if ending.reason is not None:
            measure(results, "Pass Reason" if ending.status == "passed" else "Fail Reason", ending.reason)

    def _printed(self, results: ET.Element, job: PlannedJob, one: Measurement) -> None:
        name, value = xml_text(one.name), xml_text(one.value)
        if not one.in_file:
            measure(results, name, value, xml_text(one.kind))
        elif one.kind == "file":
            self._attachments.attach(results, name, value, self._folder(job))
        else:
            self._attachments.image(results, name, xml_text(one.kind), value, self._folder(job))

    def _attach(self, test: ET.Element, job: PlannedJob, ending: Ending) -> None:
        files = [*_listed(job.attributes.get("attached_files"))]
        if ending.status != "passed":
            files += _listed(job.attributes.get("attached_files_on_fail"))
        for file in files:
            self._attachments.attach(test, "Attached File", str(file), self._folder(job))

    def _folder(self, job: PlannedJob) -> Path:
        """Return the folder in which `job` ran."""
        ran_in = job.working_directory
        return self._state.paths.job(job.directory) if ran_in is None else self._out / ran_in

    def _full_names(self, jobs: Sequence[PlannedJob | LeftOut]) -> dict[str, str]:
        """Return the full names; names shared by tests of several build trees are made distinct."""
        full = {job.id: f"{self._paths[job.id]}/{_plain(_name(job))}" for job in jobs}
        for spell in (_from_the_top, _with_id):
            twice = {name for name, number in Counter(full.values()).items() if number > 1}
            full |= {job.id: spell(job, full[job.id]) for job in jobs if full[job.id] in twice}
        return full

    def _path(self, job: PlannedJob | LeftOut) -> str:
        """Return the folder of a CTest test as CTest shortens it, or the file of any other job."""
        folder = job.folder if isinstance(job, LeftOut) else self._ctest_folder(job)
        if folder is None:
            return _plain(f"./{job.path}")
        tree = str((self._out / job.file).parent)
        path = posixpath.normpath(posixpath.join(tree, folder))
        inside = [found for top in (tree, _source_folder(tree)) if top and (found := _below(path, top)) is not None]
        return _plain(min(inside, key=len, default=path))

    def _ctest_folder(self, job: PlannedJob) -> str | None:
        return str(self._out / job.working_directory) if job.kind == "ctest" and job.working_directory else None


def _name(job: PlannedJob | LeftOut) -> str:
    return (job.test or job.name) if isinstance(job, LeftOut) else real_name(job)


def _from_the_top(job: PlannedJob | LeftOut, name: str) -> str:
    folder = posixpath.dirname(job.path)
    return _plain(f"./{folder}{name.removeprefix('.')}") if folder and name.startswith("./") else name


def _with_id(job: PlannedJob | LeftOut, name: str) -> str:
    return f"{name}_[{job.id}]"


def command_line(job: JobSpec) -> str:
    """Return the command of `job`: for a CTest test as CTest writes it, else quoted for a shell."""
    if job.kind != "ctest":
        return shlex.join(job.command)
    return " ".join([*job.command[:1], *(f'"{word}"' for word in job.command[1:])])


def _below(path: str, top: str) -> str | None:
    if path == top:
        return "."
    return f"./{posixpath.relpath(path, top)}" if path.startswith(f"{top.rstrip('/')}/") else None


@cache
def _source_folder(tree: str) -> str | None:
    """Return the source folder of the build tree `tree`, which is known if the project uses the module CTest."""
    try:
        text = read_plain(Path(tree, "DartConfiguration.tcl"), follow=True, most=LARGEST_INPUT).decode(errors="replace")
    except OSError:
        return None
    found = re.search(r"^SourceDirectory: *(/.*?)/*\s*$", text, re.MULTILINE)
    return found[1] if found else None


def _plain(path: str) -> str:
    """Return `path` as CTest writes paths: without colons and spaces."""
    return path.replace(":", "_").replace(" ", "_")


def _end_of(text: str) -> str:
    lines = text[-_BYTES:].splitlines()[-_LINES:]
    return "\n".join(lines)


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []


def _add_labels(test: ET.Element, words: Iterable[str]) -> None:
    words = list(words)
    if words:
        labels = ET.SubElement(test, "Labels")
        for word in words:
            add(labels, "Label", word)


def measure(results: ET.Element, name: str, value: str, kind: str = TEXT) -> None:
    """Add a measurement to `results`."""
    add(ET.SubElement(results, "NamedMeasurement", {"type": kind, "name": name}), "Value", value)


def add(parent: ET.Element, name: str, text: str) -> None:
    """Add an element that holds `text`."""
    ET.SubElement(parent, name).text = xml_text(text)
