"""Files that matter: written beside and renamed, read with the type checked, errors told with the file's name."""

import errno
import os
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from canary_wf.errors import WorkspaceError

T = TypeVar("T")

_ANEW = "start a new session with canary-wf generate"

_REMEDIES = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.EMFILE: "allow more open files with ulimit -n",
    errno.ENFILE: "allow more open files on this system",
}

_encoder = msgspec.json.Encoder()


def encode(value: object) -> bytes:
    """Return `value` (msgspec structs included) as one line of JSON."""
    return _encoder.encode(value)


def write_atomic(path: Path | str, content: bytes, *, sync: bool = False, hint: str | None = None) -> None:
    """Replace `path` by `content` at once: a reader sees the old bytes or the new ones, never a part.

    With `sync` the bytes are on the disk before the name points to them. Raises WorkspaceError naming `path`,
    with `hint` as what to do where the errno does not say.
    """
    # Strings: this runs twice a job, and path objects would take as long as the system calls.
    folder, slash, name = str(path).rpartition("/")
    beside = f"{folder}{slash}.{name[:200]}.{os.getpid()}.tmp"
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        try:
            write_all(descriptor, content)
            if sync:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(beside, path)  # noqa: PTH105 - see above
    except OSError as error:
        Path(beside).unlink(missing_ok=True)
        raise (not_writable(path, error) if hint is None else not_writable(path, error, hint)) from error


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of `content`: a single `os.write` may take only a part of it (a full disk, a signal)."""
    written = os.write(descriptor, content)
    while written < len(content):
        written += os.write(descriptor, memoryview(content)[written:])


def write_json(path: Path | str, value: object, *, sync: bool = False) -> None:
    """Replace `path` by `value` as one line of JSON."""
    write_atomic(path, encode(value) + b"\n", sync=sync)


def read_json(path: Path, kind: type[T] | Any, hint: str = _ANEW) -> T:  # noqa: ANN401 - msgspec takes unions too
    """Return the content of `path` as `kind`.

    Raises WorkspaceError when it is missing or not of that form; `hint` says what to do then.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise WorkspaceError(f"cannot be read ({error.strerror})", where=path) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WorkspaceError(f"is damaged ({error})", where=path, hint=hint) from error


def not_writable(path: Path | str, error: OSError, hint: str = "choose another folder with -d") -> WorkspaceError:
    """Return the error that tells why `path` could not be written, and what to do (`hint` unless the errno says)."""
    hint = _REMEDIES.get(error.errno or 0, hint)
    return WorkspaceError(f"cannot be written ({error.strerror})", where=path, hint=hint)
