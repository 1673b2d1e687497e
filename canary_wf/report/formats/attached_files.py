"""Files that a test hands to a dashboard, in the form in which CTest sends them: a compressed archive of each."""

import base64
import io
import tarfile
import xml.etree.ElementTree as ET
from pathlib import Path

from canary_wf.files.plain_files import open_plain

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
