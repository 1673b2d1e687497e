"""What a test hands to a dashboard: measurements that it prints, and files, as compressed archives.

Facts: cmCTestRunTest and cmCTestTestHandler of CMake 3.25, where an element ends at the next ``<``, and what holds no
well-formed element is output like any other.
"""

import base64
import io
import re
import tarfile
import xml.etree.ElementTree as ET
from pathlib import Path

import msgspec

from canary_wf.files.plain_files import open_plain
from canary_wf.state.job_file import open_output

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


LARGEST = 64 * 2**20
"""Bytes of one file that is attached; a larger one is not attached."""


class Attachments:
    """Puts files into a report, relative ones from where the test ran.

    Without `allowed` none is read: what a workspace of somebody else names may be a file that its reader alone may see.
    """

    def __init__(self, *, allowed: bool) -> None:
        self._allowed = allowed

    def attach(self, parent: ET.Element, name: str, file: str, folder: Path) -> None:
        """Add `file` as the measurement `name`; one that is not there has an empty value, as with CTest."""
        content = self._read(folder / file)
        if isinstance(content, str):
            _told(parent, name, f"File {file} {content}")
            return
        packed = "" if content is None else _archive(Path(file).name, content)
        attributes = {"name": name, "encoding": "base64", "compression": "tar/gzip", "filename": Path(file).name}
        element = ET.SubElement(parent, "NamedMeasurement", {**attributes, "type": "file"})
        ET.SubElement(element, "Value").text = packed

    def image(self, parent: ET.Element, name: str, kind: str, file: str, folder: Path) -> None:
        """Add the content of `file`, of the type `kind` such as ``image/png``, as the measurement `name`."""
        content = self._read(folder / file)
        if content is None:
            content = "not found"
        elif not content:
            element = ET.SubElement(
                parent, "NamedMeasurement", {"name": name, "type": "text/string", "encoding": "none"}
            )
            ET.SubElement(element, "Value").text = f"Image {file} is empty"
            return
        if isinstance(content, str):
            _told(parent, name, f"File {file} {content}")
            return
        element = ET.SubElement(parent, "NamedMeasurement", {"name": name, "type": kind, "encoding": "base64"})
        ET.SubElement(element, "Value").text = base64.b64encode(content).decode()

    def _read(self, path: Path) -> bytes | str | None:
        """Return the content of a file, in words why it is not attached, or None where there is none."""
        if not self._allowed:
            return "is not attached: the workspace is another user's"
        try:
            with open_plain(path, follow=True) as file:
                content = file.read(LARGEST + 1)
        except (OSError, ValueError):
            return None
        return content if len(content) <= LARGEST else f"is not attached: it is larger than {LARGEST >> 20} MiB"


def _told(parent: ET.Element, name: str, text: str) -> None:
    element = ET.SubElement(parent, "NamedMeasurement", {"name": name, "text": "text/string"})
    ET.SubElement(element, "Value").text = text


def _archive(name: str, content: bytes) -> str:
    """Return a compressed archive of one file, in base64."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return base64.b64encode(packed.getvalue()).decode()
