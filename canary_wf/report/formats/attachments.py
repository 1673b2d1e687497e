"""What a test tells a dashboard in its output: measurements, files, a summary in a few words, and labels.

Facts: cmCTestRunTest and cmCTestTestHandler of CMake 3.25, where an element ends at the next ``<``, and what holds no
well-formed element is output like any other.
"""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import msgspec

from canary_wf.state.job_output import open_output

MOST_READ = 16 * 2**20
"""Bytes of an output, from its end, in which measurements are looked for."""

_OPENS = ("<CTestMeasurement", "<DartMeasurement")
_CLOSES = ("</CTestMeasurement", "</DartMeasurement")
_ONE = re.compile(r"<(?:CTest|Dart)Measurement[^<]*</(?:CTest|Dart)Measurement[A-Za-z]*>")

_SUMMARY = re.compile(r"<CTestDetails>(.*)</CTestDetails>")
_LABEL = re.compile(r"<CTestLabel>(.*)</CTestLabel>")


class Printed(msgspec.Struct, frozen=True):
    """One measurement that was printed: its name, its type (``numeric/double``), its value or the file it is in."""

    name: str
    kind: str
    value: str
    in_file: bool = False


class Output(msgspec.Struct, frozen=True):
    """What a test printed: the text without what is for a dashboard, and that."""

    text: str = ""
    measurements: tuple[Printed, ...] = ()
    summary: str | None = None
    labels: tuple[str, ...] = ()


def read_output(path: Path) -> Output:
    """Return what is in the output at `path`; nothing where it cannot be read."""
    try:
        with open_output(path) as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - MOST_READ))
            content = file.read(MOST_READ)
    except OSError:
        return Output()
    return split_output(content.decode("utf-8", "replace"))


def split_output(text: str) -> Output:
    """Return `text` taken apart; a line with a summary or a label is for the dashboard as a whole."""
    summary: str | None = None
    labels: list[str] = []
    if "<CTest" in text:
        rest: list[str] = []
        for line in text.splitlines(keepends=True):
            if found := _SUMMARY.search(line):
                summary = found[1]
            elif found := _LABEL.search(line):
                labels.append(found[1])
            else:
                rest.append(line)
        text = "".join(rest)
    text, measurements = _measurements(text)
    return Output(text, measurements, summary, tuple(labels))


def _measurements(text: str) -> tuple[str, tuple[Printed, ...]]:
    start = min((place for word in _OPENS if (place := text.find(word)) >= 0), default=-1)
    last = max(text.rfind(word) for word in _CLOSES)
    if start < 0 or last < start:
        return text, ()
    found: list[Printed] = []

    def take(match: re.Match[str]) -> str:
        one = _parsed(match[0])
        if one is not None:
            found.append(one)
        return ""

    return text[:start] + _ONE.sub(take, text[start:]), tuple(found)


def _parsed(text: str) -> Printed | None:
    try:
        element = ET.fromstring(text)  # noqa: S314 - one element, without a document type that could define entities
    except ET.ParseError:
        return None
    in_file = element.tag.endswith("File")
    value = element.text or ""
    return Printed(element.get("name", ""), element.get("type", ""), value.strip() if in_file else value, in_file)
