"""What a test sends to a dashboard: measurements that it prints, and files, as compressed archives.

Source: cmCTestRunTest and cmCTestTestHandler of CMake 3.25. There, an element ends at the next ``<``, and text that is
not a well-formed element is ordinary output.
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
"""Bytes at the end of an output that are searched for measurements."""

_OPENS = ("<CTestMeasurement", "<DartMeasurement")
_CLOSES = ("</CTestMeasurement", "</DartMeasurement")
_ONE = re.compile(r"<(?:CTest|Dart)Measurement[^<]*</(?:CTest|Dart)Measurement[A-Za-z]*>")

_SUMMARY = re.compile(r"<CTestDetails>(.*)</CTestDetails>")
_LABEL = re.compile(r"<CTestLabel>(.*)</CTestLabel>")


class Measurement(msgspec.Struct, frozen=True):
    """One printed measurement: its name, its type (``numeric/double``), and its value or the file that holds it."""

    name: str
    kind: str
    value: str
    in_file: bool = False


class Output(msgspec.Struct, frozen=True):
    """The output of a test: its text without the dashboard elements, and these elements."""

    text: str = ""
    measurements: tuple[Measurement, ...] = ()
    summary: str | None = None
    labels: tuple[str, ...] = ()


def read_output(path: Path) -> Output:
    """Return the parsed output at `path`; empty if it cannot be read."""
    try:
        with open_output(path) as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - MOST_READ))
            content = file.read(MOST_READ)
    except OSError:
        return Output()
    return split_output(content.decode("utf-8", "replace"))


def split_output(text: str) -> Output:
    """Return the parsed `text`; a line with a summary or a label is removed as a whole."""
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


def _measurements(text: str) -> tuple[str, tuple[Measurement, ...]]:
    start = min((position for word in _OPENS if (position := text.find(word)) >= 0), default=-1)
    last = max(text.rfind(word) for word in _CLOSES)
    if start < 0 or last < start:
        return text, ()
    found: list[Measurement] = []

    def take(match: re.Match[str]) -> str:
        one = _parsed(match[0])
        if one is not None:
            found.append(one)
        return ""

    return text[:start] + _ONE.sub(take, text[start:]), tuple(found)


def _parsed(text: str) -> Measurement | None:
    try:
        element = ET.fromstring(text)  # noqa: S314 - one element, without a document type that could define entities
    except ET.ParseError:
        return None
    in_file = element.tag.endswith("File")
    value = element.text or ""
    return Measurement(element.get("name", ""), element.get("type", ""), value.strip() if in_file else value, in_file)


LARGEST = 64 * 2**20
"""Maximal size of an attached file in bytes; larger files are not attached."""


class Attachments:
    """Puts files into a report; relative paths start in the folder where the test ran.

    Without `allowed` no file is read: a foreign workspace may name a file that only its reader may see.
    """

    def __init__(self, *, allowed: bool) -> None:
        self._allowed = allowed

    def attach(self, parent: ET.Element, name: str, file: str, folder: Path) -> None:
        """Add `file` as the measurement `name`; a missing file gives an empty value, as in CTest."""
        content = self._read(folder / file)
        if isinstance(content, str):
            _add_text(parent, name, f"File {file} {content}")
            return
        packed = "" if content is None else _archive(Path(file).name, content)
        attributes = {"name": name, "encoding": "base64", "compression": "tar/gzip", "filename": Path(file).name}
        element = ET.SubElement(parent, "NamedMeasurement", {**attributes, "type": "file"})
        ET.SubElement(element, "Value").text = packed

    def image(self, parent: ET.Element, name: str, kind: str, file: str, folder: Path) -> None:
        """Add the content of `file`, whose type is `kind` (such as ``image/png``), as the measurement `name`."""
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
            _add_text(parent, name, f"File {file} {content}")
            return
        element = ET.SubElement(parent, "NamedMeasurement", {"name": name, "type": kind, "encoding": "base64"})
        ET.SubElement(element, "Value").text = base64.b64encode(content).decode()

    def _read(self, path: Path) -> bytes | str | None:
        """Return the content of a file, or the reason why it is not attached, or None if it does not exist."""
        if not self._allowed:
            return "is not attached: the workspace is another user's"
        try:
            with open_plain(path, follow=True) as file:
                content = file.read(LARGEST + 1)
        except (OSError, ValueError):
            return None
        return content if len(content) <= LARGEST else f"is not attached: it is larger than {LARGEST >> 20} MiB"


def _add_text(parent: ET.Element, name: str, text: str) -> None:
    element = ET.SubElement(parent, "NamedMeasurement", {"name": name, "text": "text/string"})
    ET.SubElement(element, "Value").text = text


def _archive(name: str, content: bytes) -> str:
    """Return a compressed archive of one file, in Base64."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return base64.b64encode(packed.getvalue()).decode()
