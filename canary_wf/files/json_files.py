"""Important files: written to a temporary file and renamed, read with type checks, with errors that name the file."""

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
"""The remedy for too many open files in a process."""

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
"""Errors that are faults of the machine and its disks, not of the job that met them."""

_TEMPORARY_SUFFIX = ".tmp"
"""The suffix of temporary files, which are renamed when they are complete."""

encode = msgspec.json.Encoder().encode
"""Return a value (msgspec structs included) as one line of JSON, in bytes."""


def as_text(value: object) -> str:
    """Return `value` as one line of JSON for people and logs; no text in it is a command to a GitHub runner."""
    return encode(value).replace(b"##[", b"#\\u0023[").decode() + "\n"


def write_atomic(
    path: Path | str, content: bytes, *, sync: bool = False, hint: str | None = None, keep: bool = False
) -> None:
    """Replace `path` by `content` atomically: a reader sees the old bytes or the new ones, never a mixture.

    A link at `path` is replaced, not followed. The new file has the mode of the umask, or with `keep` the mode of the
    old file. With `sync` the content is on disk before the file is renamed, and the name is on disk on return. Raises
    WorkspaceError with `path`; `hint` says what to do if the errno does not.
    """
    # Strings: this runs twice per job, and path objects would take as long as the system calls.
    folder, slash, name = str(path).rpartition("/")
    temporary = f"{folder}{slash}.{name[:200]}.{_writer(os.getpid(), get_ident())}{_TEMPORARY_SUFFIX}"
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        try:
            write_all(descriptor, content)
            if keep:
                keep_mode(path, descriptor)
            if sync:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, path)  # noqa: PTH105 - see above
        if sync:
            sync_folder(Path(path).parent)
    except (OSError, KeyboardInterrupt) as error:  # a signal that stops the runner is a KeyboardInterrupt
        with contextlib.suppress(OSError):  # a disk that is not writable refuses this, too
            Path(temporary).unlink(missing_ok=True)
        if isinstance(error, KeyboardInterrupt):
            raise
        raise (not_writable(path, error) if hint is None else not_writable(path, error, hint)) from error


def write_for_user(path: Path, content: bytes, hint: str) -> None:
    """Replace a file that the user named; a link is followed, and the mode is kept.

    Raises WorkspaceError like `write_atomic`.
    """
    write_atomic(os.path.realpath(path), content, hint=hint, keep=True)


def keep_mode(path: Path | str, descriptor: int) -> None:
    """Give the new file `descriptor` the mode of the regular file `path`, which it will replace."""
    with contextlib.suppress(FileNotFoundError):
        found = os.lstat(path).st_mode
        if stat.S_ISREG(found):
            os.fchmod(descriptor, stat.S_IMODE(found))


@cache
def _writer(pid: int, _thread: int) -> str:
    """Return a unique part for names of temporary files, distinct even from the same pid on another machine."""
    return f"{pid}.{os.urandom(4).hex()}"


def remove_half_written(folder: Path, *names: str) -> None:
    """Remove the temporary files in `folder` that killed writers of the files `names` left."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for entry in os.listdir(folder):  # noqa: PTH208 - names, not paths
            if entry.endswith(_TEMPORARY_SUFFIX) and entry.startswith(tuple(f".{name}." for name in names)):
                (folder / entry).unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Return once the names in `folder` are on the disk. Raises OSError."""
    sync_file(folder)


def sync_file(path: Path | str) -> None:
    """Return once the content of `path` is on disk: the bytes of a file, the names in a folder. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of `content`; a single `os.write` may write only a part (a full disk, a signal)."""
    written = os.write(descriptor, content)
    while written < len(content):
        written += os.write(descriptor, memoryview(content)[written:])


def write_json(path: Path | str, value: object, *, sync: bool = False) -> None:
    """Replace `path` by `value` as one line of JSON."""
    write_atomic(path, encode(value) + b"\n", sync=sync)


def read_json(path: Path | str, kind: type[T] | Any, hint: str = _ANEW, *, follow: bool = False) -> T:  # noqa: ANN401 - msgspec takes unions too
    """Return the content of `path` as `kind`. A link is refused unless `follow` permits one that a user set.

    Raises WorkspaceError when the file is missing or malformed; `hint` says what to do then.
    """
    try:
        return msgspec.json.decode(read_plain(path, follow=follow), type=kind)
    except OSError as error:
        raise WorkspaceError(f"cannot be read ({error.strerror})", where=path) from error
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:  # ValueError: a number of 5000 digits
        raise WorkspaceError(f"is damaged ({error})", where=path, hint=hint) from error


def written_by(schema: str, known: str) -> str:
    """Return a note if format `schema` is newer than `known`, else ""."""
    (kind, _, number), (own, _, ours) = schema.rpartition("/"), known.rpartition("/")
    is_newer = kind == own and number.isdecimal() and (len(number), number) > (len(ours), ours)
    return ", written by a newer canary-wf" if is_newer else ""


def not_writable(path: Path | str, error: OSError, hint: str = "choose another folder with -d") -> WorkspaceError:
    """Return the error that `path` could not be written, with a remedy.

    That is what the errno asks for, the user to ask if the files are another user's, or else `hint`.
    """
    owner = _other_owner(path) if error.errno in {errno.EACCES, errno.EPERM} else None
    if owner is not None:
        hint = f"it belongs to {owner}: ask them, or work in a folder of your own with -d"
    return WorkspaceError(f"cannot be written ({error.strerror})", where=path, hint=remedy(error, hint))


def _other_owner(path: Path | str) -> str | None:
    """Return the user who owns `path`, or the nearest folder above it, if that is somebody else."""
    for place in (Path(path), *Path(path).parents):
        try:
            uid = place.lstat().st_uid
        except OSError:
            continue
        if uid == os.geteuid():
            return None
        import pwd  # late: only this error needs it

        try:
            return pwd.getpwuid(uid).pw_name
        except KeyError:
            return f"user {uid}"
    return None


def remedy(error: OSError, otherwise: T) -> str | T:
    """Return the remedy for `error` that its errno gives, else `otherwise`."""
    return _REMEDIES.get(error.errno or 0, otherwise)
