"""Files that matter: written beside and renamed, read with the type checked, errors that name the file."""

import contextlib
import errno
import os
import stat
from _thread import get_ident  # what `threading` has, without the time to import that
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from canary_wf.errors import WorkspaceError
from canary_wf.files.plain_files import read_plain

T = TypeVar("T")

_ANEW = "start a new session with canary-wf generate"

OPEN_MORE = "allow more open files with ulimit -n"
"""What to do where a process has too many open files."""

_REMEDIES = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.EMFILE: OPEN_MORE,
    errno.ENFILE: "allow more open files on this system",
    errno.EAGAIN: "allow more processes with ulimit -u",  # what fork says at the limit
}

MACHINE_FAULTS = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EROFS,
        errno.EIO,
        errno.ESTALE,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.EAGAIN,
    }
)
"""Errors that say something of the machine and its disks, and nothing of the job that met them."""

_BESIDE = ".tmp"
"""The end of the name under which a file is written before it is given its own."""

encode = msgspec.json.Encoder().encode
"""Return a value (msgspec structs included) as one line of JSON, in bytes."""


def as_text(value: object) -> str:
    """Return `value` as one line of JSON for people and logs, in which no text is a command to a GitHub runner."""
    return encode(value).replace(b"##[", b"#\\u0023[").decode() + "\n"


def write_atomic(
    path: Path | str, content: bytes, *, sync: bool = False, hint: str | None = None, keep: bool = False
) -> None:
    """Replace `path` by `content` at once: a reader sees the old bytes or the new ones, never a part.

    A link in its place is replaced, not followed. The file is a new one, with the mode that the umask gives, unless it
    shall `keep` the mode of the one before. With `sync` the bytes are on the disk before the name points to them, and
    the name is when this returns. Raises WorkspaceError naming `path`, with `hint` as what to do where the errno does
    not say.
    """
    # Strings: this runs twice a job, and path objects would take as long as the system calls.
    folder, slash, name = str(path).rpartition("/")
    beside = f"{folder}{slash}.{name[:200]}.{_writer(os.getpid(), get_ident())}{_BESIDE}"
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        try:
            write_all(descriptor, content)
            if keep:
                keep_mode(path, descriptor)
            if sync:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(beside, path)  # noqa: PTH105 - see above
        if sync:
            sync_folder(Path(path).parent)
    except (OSError, KeyboardInterrupt) as error:  # a signal that stops the runner is one of the latter
        with contextlib.suppress(OSError):  # a disk that cannot be written does not take that either
            Path(beside).unlink(missing_ok=True)
        if isinstance(error, KeyboardInterrupt):
            raise
        raise (not_writable(path, error) if hint is None else not_writable(path, error, hint)) from error


def write_for_user(path: Path, content: bytes, hint: str) -> None:
    """Replace the file that the user named: where a link leads it lies, and its mode is as it was.

    Raises WorkspaceError as `write_atomic` does.
    """
    write_atomic(os.path.realpath(path), content, hint=hint, keep=True)


def keep_mode(path: Path | str, descriptor: int) -> None:
    """Give the new file `descriptor` the mode of the regular file `path`, in whose place it will be."""
    with contextlib.suppress(FileNotFoundError):
        found = os.lstat(path).st_mode
        if stat.S_ISREG(found):
            os.fchmod(descriptor, stat.S_IMODE(found))


@cache
def _writer(pid: int, _thread: int) -> str:
    """Return what no other writer has in the names of its files, not even with this pid on another machine."""
    return f"{pid}.{os.urandom(4).hex()}"


def remove_half_written(folder: Path, *names: str) -> None:
    """Remove from `folder` what writers of files `names` left beside them when they were killed."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for entry in os.listdir(folder):  # noqa: PTH208 - names, not paths
            if entry.endswith(_BESIDE) and entry.startswith(tuple(f".{name}." for name in names)):
                (folder / entry).unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Return once the names in `folder` are on the disk. Raises OSError."""
    sync_file(folder)


def sync_file(path: Path | str) -> None:
    """Return once the content of `path` is on the disk: of a file its bytes, of a folder its names. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of `content`: a single `os.write` may take only a part of it (a full disk, a signal)."""
    written = os.write(descriptor, content)
    while written < len(content):
        written += os.write(descriptor, memoryview(content)[written:])


def write_json(path: Path | str, value: object, *, sync: bool = False) -> None:
    """Replace `path` by `value` as one line of JSON."""
    write_atomic(path, encode(value) + b"\n", sync=sync)


def read_json(path: Path | str, kind: type[T] | Any, hint: str = _ANEW, *, follow: bool = False) -> T:  # noqa: ANN401 - msgspec takes unions too
    """Return the content of `path` as `kind`; a link is refused, unless it may `follow` one that a user set.

    Raises WorkspaceError when it is missing or not of that form; `hint` says what to do then.
    """
    try:
        return msgspec.json.decode(read_plain(path, follow=follow), type=kind)
    except OSError as error:
        raise WorkspaceError(f"cannot be read ({error.strerror})", where=path) from error
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:  # ValueError: a number of 5000 digits
        raise WorkspaceError(f"is damaged ({error})", where=path, hint=hint) from error


def written_by(schema: str, known: str) -> str:
    """Return who wrote a file of format `schema`, where that is a later one than `known`; "" where it is not."""
    (kind, _, number), (own, _, ours) = schema.rpartition("/"), known.rpartition("/")
    is_newer = kind == own and number.isdecimal() and (len(number), number) > (len(ours), ours)
    return ", written by a newer canary-wf" if is_newer else ""


def not_writable(path: Path | str, error: OSError, hint: str = "choose another folder with -d") -> WorkspaceError:
    """Return the error that says why `path` could not be written, and what to do (`hint` unless the errno says)."""
    return WorkspaceError(f"cannot be written ({error.strerror})", where=path, hint=remedy(error, hint))


def remedy(error: OSError, otherwise: T) -> str | T:
    """Return what to do about `error`, as far as its errno says."""
    return _REMEDIES.get(error.errno or 0, otherwise)
