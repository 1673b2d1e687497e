"""Readings of test files kept between two commands, so that unchanged files need not be executed again.

A reading counts while the file, the local files it executed, and the environment variables it asked for are what they
were; one that looked at anything else is not kept. The cache only saves time: whatever is wrong with it is passed over.
"""

import contextlib
import hashlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from canary_wf.discovery.pyt.record import FileReading
from canary_wf.errors import CanaryWfError
from canary_wf.json_files import write_atomic
from canary_wf.runtime import RUNTIME

_NEITHER = b""


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    """One reading, with the digests of the file and of the local files it executed."""

    digest: bytes
    reads: dict[str, bytes]
    reading: FileReading


class ReadingCache:
    """The readings of the files below some paths, in one file of `folder`; `roots` tell which file that is."""

    def __init__(self, folder: Path, roots: Sequence[str]) -> None:
        name = hashlib.sha256("\0".join([_reader(), *roots]).encode("utf-8", "surrogateescape")).hexdigest()[:16]
        self._path = folder / f"readings-{name}.msgpack"
        self._digests: dict[str, bytes] = {}
        self._used: dict[str, _Entry] = {}
        self._fresh = False
        try:
            self._known = msgspec.msgpack.decode(self._path.read_bytes(), type=dict[str, _Entry])
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            self._known = {}

    def get(self, file: str) -> FileReading | None:
        """Return the reading of `file`, if it is known and still true."""
        digest = self._digest(file)  # taken before the file is read: a change meanwhile makes the entry void
        entry = self._known.get(file)
        if entry is None or entry.digest != digest or digest == _NEITHER:
            return None
        if any(self._digest(other) != known for other, known in entry.reads.items()):
            return None
        if any(os.environ.get(name) != value for name, value in entry.reading.environment.items()):
            return None
        self._used[file] = entry
        return entry.reading

    def keep(self, file: str, reading: FileReading) -> None:
        """Remember the reading of `file`, which `get` was asked for before, if it can be expected to recur."""
        if not reading.outside and self._digest(file) != _NEITHER:
            self._used[file] = _Entry(
                self._digest(file), {other: self._digest(other) for other in reading.reads}, reading
            )
            self._fresh = True

    def save(self, folder: Path | None = None) -> None:
        """Write what was used, into another `folder` when one is given; what cannot be written is not kept."""
        path = self._path if folder is None else folder / self._path.name
        if path == self._path and not self._fresh and len(self._used) == len(self._known):
            return
        with contextlib.suppress(OSError, CanaryWfError, msgspec.MsgspecError):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, msgspec.msgpack.encode(self._used))

    def _digest(self, file: str) -> bytes:
        if file not in self._digests:
            try:
                with open(file, "rb") as stream:  # noqa: PTH123 - a path object a file costs more than reading it
                    self._digests[file] = hashlib.blake2b(stream.read(), digest_size=16).digest()
            except OSError:
                self._digests[file] = _NEITHER
        return self._digests[file]


def cache_folder(workspace: Path) -> Path:
    """Return where readings are kept for `workspace`, the folder of its state; without one, the user's own cache."""
    if os.path.isdir(workspace):  # noqa: PTH112 - a folder that may not be looked into is none
        return workspace / "cache"
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 - has no home: stays as is
    return Path(home) / "canary-wf"


def _reader() -> str:
    """Return what tells one way of reading from another: the Python, its libraries' place, and the reader itself."""
    sources = [Path(__file__).with_name(name) for name in ("reader.py", "witness.py")]
    found = [path.stat() for path in (*sources, RUNTIME / "canary" / "directives.py")]
    marks = [f"{each.st_size}:{each.st_mtime_ns}" for each in found]
    path = os.environ.get("PYTHONPATH", "")
    return "\0".join([sys.version, sys.prefix, path, os.uname().nodename, *marks])
