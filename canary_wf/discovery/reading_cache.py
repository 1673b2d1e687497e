"""Caches readings of test files between commands, so that unchanged files are not executed or parsed again.

The reading of a Python file is valid while the file, the local files that it executed, and the environment variables
that it read are unchanged. A reading of a file that accessed anything else is not cached. The value of a job file is
valid while the file is unchanged. Variables may be secrets, so only digests under the user's key are stored. The cache
only saves time: a damaged or unreadable cache is ignored.
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
from canary_wf.files import documents
from canary_wf.files.plain_files import read_plain
from canary_wf.files.user_key import sealing_key
from canary_wf.files.users import PrivateFolder, user_folder
from canary_wf.runtime import RUNTIME

_NEITHER = b""
_EARLIER = ("readings-", ".readings-", "key", ".key.")
"""Prefixes of the names of files that earlier versions wrote, with plain values of variables, and keys."""

_PURPOSE = "variables of test files"


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    """One reading, with digests of the file, of the local files that it executed, and keyed digests of variables."""

    digest: bytes
    reads: dict[str, bytes]
    reading: FileReading
    variables: dict[str, bytes] = {}


class _Document(msgspec.Struct, frozen=True, array_like=True):
    """The value of one well-formed job file, with the digest of the file."""

    digest: bytes
    value: Any


class _Stored(msgspec.Struct, array_like=True):
    """The content of one cache file, by the absolute path of the test file."""

    readings: dict[str, _Entry] = {}
    documents: dict[str, _Document] = {}


class ReadingCache:
    """The cached readings of the test files below `roots`, in one file of `folder`."""

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
        """Return the reading of `file` if it is cached and still valid."""
        digest = self._digest(file)  # computed before the file is read: a change meanwhile invalidates the entry
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
        """Cache the reading of `file` if the next reading must be the same. `get` must have been called before."""
        if not reading.outside and self._digest(file) != _NEITHER:
            reads = {other: self._digest(other) for other in reading.reads}
            self._used.readings[file] = _Entry(self._digest(file), reads, reading)
            self._fresh = True

    def document(self, file: str) -> object:
        """Return the value of the job file `file` if it is cached and still valid, else None."""
        digest = self._digest(file)
        known = self._known.documents.get(file)
        if known is None or known.digest != digest or digest == _NEITHER:
            return None
        self._used.documents[file] = known
        return known.value

    def keep_document(self, file: str, value: object) -> None:
        """Cache the `value` of the job file `file`. `document` must have been called before."""
        if file not in self._used.documents and self._digest(file) != _NEITHER:
            self._used.documents[file] = _Document(self._digest(file), value)
            self._fresh = True

    def save(self, folder: Path | None = None) -> None:
        """Write the entries that were used, into `folder` if one is given. A failure to write is ignored."""
        target = self._folder if folder is None else PrivateFolder(folder)
        is_own = target.path == self._folder.path
        with contextlib.suppress(OSError):
            target.remove(_EARLIER)
        if is_own and not self._fresh and _size(self._used) == _size(self._known):
            return
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            target.write(self._name, msgspec.msgpack.encode(self._for_keeping()))

    def _for_keeping(self) -> _Stored:
        """Return the used entries with digests of variables. Without a key, readings with variables are left out."""
        kept = {}
        for file, entry in self._used.readings.items():
            values = {name: os.environ.get(name) for name in entry.variables} | entry.reading.environment
            variables = {name: self._sealed(name, value, make=True) for name, value in values.items()}
            if _NEITHER not in variables.values():
                reading = msgspec.structs.replace(entry.reading, environment={})
                kept[file] = _Entry(entry.digest, entry.reads, reading, variables)
        return _Stored(kept, self._used.documents)

    def _sealed(self, name: str, value: str | None, *, make: bool = False) -> bytes:
        """Return a keyed digest that identifies `value` without revealing it. It is empty without a key."""
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
    """Return the cache folder of `workspace` (its state folder), or the user's cache if that does not exist."""
    if os.path.isdir(workspace):  # noqa: PTH112 - also False without permission
        return workspace / "cache"
    return user_folder("XDG_CACHE_HOME") / "canary-wf"


def _reader() -> str:
    """Return a text that identifies the reader: the Python, the location of its libraries, and the reader's files."""
    sources = [Path(__file__).with_name("pyt") / name for name in ("reader_process.py", "access_log.py")]
    sources += [Path(documents.__file__)]
    sources += [Path(__file__).with_name("job_files") / name for name in ("check.py", "jobs.schema.json")]
    found = [path.stat() for path in (*sources, RUNTIME / "canary" / "directives.py")]
    marks = [f"{each.st_size}:{each.st_mtime_ns}" for each in found]
    path = os.environ.get("PYTHONPATH", "")
    return "\0".join([sys.version, sys.prefix, path, os.uname().nodename, *marks])
