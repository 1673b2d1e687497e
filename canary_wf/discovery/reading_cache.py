"""What test files say, kept between two commands, so that unchanged files need not be executed or parsed again.

The reading of a Python file counts while the file, the local files it executed, and the environment variables it asked
for are what they were; one that looked at anything else is not kept. The document in a job file counts while the file
is what it was. Of variables only digests are kept, sealed under the user's key, as they may be secrets. The cache only
saves time: whatever is wrong with it is passed over.
"""

import contextlib
import hashlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from canary_wf.discovery.pyt.protocol import FileReading
from canary_wf.errors import WorkspaceError
from canary_wf.files.plain_files import read_plain
from canary_wf.files.private_folder import PrivateFolder
from canary_wf.files.user_folders import user_folder
from canary_wf.files.user_key import sealing_key
from canary_wf.runtime import RUNTIME

_NEITHER = b""
_EARLIER = ("readings-", ".readings-", "key", ".key.")
"""Beginnings of the names of files that earlier versions wrote: values of variables as they are, and keys."""

_PURPOSE = "variables of test files"


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    """One reading, with the digests of the file, of the local files it executed and, sealed, of the variables."""

    digest: bytes
    reads: dict[str, bytes]
    reading: FileReading
    variables: dict[str, bytes] = {}


class _Document(msgspec.Struct, frozen=True, array_like=True):
    """The value of one job file that was found to be well formed, with the digest of the file."""

    digest: bytes
    value: Any


class _Stored(msgspec.Struct, array_like=True):
    """What one file of the cache holds, by the absolute path of the test file."""

    readings: dict[str, _Entry] = {}
    documents: dict[str, _Document] = {}


class ReadingCache:
    """What the files below some paths say, in one file of `folder`; `roots` tell which file that is."""

    def __init__(self, folder: Path, roots: Sequence[str]) -> None:
        name = hashlib.sha256("\0".join([_reader(), *roots]).encode("utf-8", "surrogateescape")).hexdigest()[:16]
        self._folder = PrivateFolder(folder)
        self._name = f"files-{name}.msgpack"
        self._key: bytes | None = None
        self._asked_for_key = False
        self._digests: dict[str, bytes] = {}
        self._used = _Stored()
        self._fresh = False
        try:
            self._known = msgspec.msgpack.decode(self._folder.read(self._name), type=_Stored)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            self._known = _Stored()

    def get(self, file: str) -> FileReading | None:
        """Return the reading of `file`, if it is known and still true."""
        digest = self._digest(file)  # taken before the file is read: a change meanwhile makes the entry void
        entry = self._known.readings.get(file)
        if entry is None or entry.digest != digest or digest == _NEITHER:
            return None
        if any(self._digest(other) != known for other, known in entry.reads.items()):
            return None
        if any(self._sealed(name, os.environ.get(name)) != known for name, known in entry.variables.items()):
            return None
        self._used.readings[file] = entry
        return entry.reading

    def keep(self, file: str, reading: FileReading) -> None:
        """Remember the reading of `file`, which `get` was asked for before, if it can be expected to recur."""
        if not reading.outside and self._digest(file) != _NEITHER:
            reads = {other: self._digest(other) for other in reading.reads}
            self._used.readings[file] = _Entry(self._digest(file), reads, reading)
            self._fresh = True

    def document(self, file: str) -> object:
        """Return the value of the job file `file`, if it is known and still true, else None."""
        digest = self._digest(file)
        known = self._known.documents.get(file)
        if known is None or known.digest != digest or digest == _NEITHER:
            return None
        self._used.documents[file] = known
        return known.value

    def keep_document(self, file: str, value: object) -> None:
        """Remember the `value` of the job file `file`, which `document` was asked for before."""
        if file not in self._used.documents and self._digest(file) != _NEITHER:
            self._used.documents[file] = _Document(self._digest(file), value)
            self._fresh = True

    def save(self, folder: Path | None = None) -> None:
        """Write what was used, into another `folder` when one is given; what cannot be written is not kept."""
        target = self._folder if folder is None else PrivateFolder(folder)
        is_own = target.path == self._folder.path
        with contextlib.suppress(OSError):
            target.remove(_EARLIER)
        if is_own and not self._fresh and _size(self._used) == _size(self._known):
            return
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            target.write(self._name, msgspec.msgpack.encode(self._for_keeping()))

    def _for_keeping(self) -> _Stored:
        """Return what was used with all variables sealed; without a key, readings that asked for some are left out."""
        kept = {}
        for file, entry in self._used.readings.items():
            values = {name: os.environ.get(name) for name in entry.variables} | entry.reading.environment
            variables = {name: self._sealed(name, value, make=True) for name, value in values.items()}
            if _NEITHER not in variables.values():
                reading = msgspec.structs.replace(entry.reading, environment={})
                kept[file] = _Entry(entry.digest, entry.reads, reading, variables)
        return _Stored(kept, self._used.documents)

    def _sealed(self, name: str, value: str | None, *, make: bool = False) -> bytes:
        """Return a digest by which `value` is known again, and from which nobody learns it; nothing without a key."""
        if self._key is None and (make or not self._asked_for_key):
            self._asked_for_key = True
            with contextlib.suppress(WorkspaceError):
                self._key = sealing_key(_PURPOSE, make=make)
        if self._key is None:
            return _NEITHER
        text = f"{name}=" if value is None else f"{name}\0{value}"
        return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), key=self._key, digest_size=16).digest()

    def _digest(self, file: str) -> bytes:
        if file not in self._digests:
            try:
                self._digests[file] = hashlib.blake2b(read_plain(file, follow=True), digest_size=16).digest()
            except OSError:
                self._digests[file] = _NEITHER
        return self._digests[file]


def _size(stored: _Stored) -> tuple[int, int]:
    return len(stored.readings), len(stored.documents)


def cache_folder(workspace: Path) -> Path:
    """Return where readings are kept for `workspace`, the folder of its state; without one, the user's own cache."""
    if os.path.isdir(workspace):  # noqa: PTH112 - False for a folder that may not be looked into
        return workspace / "cache"
    return user_folder("XDG_CACHE_HOME") / "canary-wf"


def _reader() -> str:
    """Return what tells one way of reading from another: the Python, its libraries' place, and the reader itself."""
    sources = [Path(__file__).with_name("pyt") / name for name in ("reader_process.py", "access_log.py")]
    sources += [Path(__file__).with_name("job_files") / name for name in ("load.py", "check.py", "jobs.schema.json")]
    found = [path.stat() for path in (*sources, RUNTIME / "canary" / "directives.py")]
    marks = [f"{each.st_size}:{each.st_mtime_ns}" for each in found]
    path = os.environ.get("PYTHONPATH", "")
    return "\0".join([sys.version, sys.prefix, path, os.uname().nodename, *marks])
