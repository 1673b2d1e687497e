"""Copies of results outside of OUT, at the paths where rules of parent workflows expect them.

The files in OUT decide what is done. A copy that outlived them would keep a reset job from ever running again. So each
copy is registered before it is made, and a reset removes it. Jobs can write to the register, too; so a file is removed
only if it is a result of that session and lies where one is expected: under its path below OUT, or where this user's
own runner noted it.
"""

import os
import sys
from pathlib import Path
from typing import Any

import msgspec

from canary_wf.errors import WorkspaceError, one_line
from canary_wf.files.json_files import not_writable, write_all
from canary_wf.files.plain_files import open_own, read_plain
from canary_wf.state.session_paths import STATE_FOLDER, absolute_path


class _Copy(msgspec.Struct, frozen=True):
    """The session, in every file that is copied, and the batch, in a result."""

    session: str
    batch: str = ""


def note_copy(register: Path, own: Path, target: Path) -> None:
    """Register `target` as a copy of the file `own` of OUT, unless it is that file.

    Raises WorkspaceError when the register cannot be written.
    """
    expected = str(absolute_path(target))
    if expected == str(own) or expected in _registered(register):
        return
    from canary_wf.files.user_key import signature  # late, as most results have no copies

    entry = expected if _has_path_of(expected, own) else [expected, signature(_signed(register, expected))]
    try:
        descriptor = open_own(register, os.O_RDWR | os.O_APPEND)
        try:
            size = os.fstat(descriptor).st_size
            torn = size and os.pread(descriptor, 1, size - 1) != b"\n"
            write_all(descriptor, (b"\n" if torn else b"") + _line(entry))
        finally:
            os.close(descriptor)
    except OSError as error:
        raise not_writable(register, error) from error


def remove_copies(register: Path, *own: Path) -> None:
    """Remove all copies of the files `own` in `register`, so that parent workflows make them again.

    Files that are not copies stay and are named on standard error. Raises WorkspaceError for a copy that cannot be
    removed.
    """
    from canary_wf.files.user_key import is_signed

    for path, by in _registered(register).items():
        if not os.path.lexists(path):
            continue
        originals = [file for file in own if _has_path_of(path, file)]
        if not originals and by and is_signed(_signed(register, path), by):
            originals = [*own]
        if any(_is_copy(path, file) for file in originals):
            try:
                os.unlink(path)  # noqa: PTH108 - a string
            except FileNotFoundError:
                continue
            except OSError as error:
                raise not_writable(path, error, "remove it, or what expects it is not made again") from error
        else:
            message = one_line(f"{register} names {path}, which is not a copy of a result; it stays")
            sys.stderr.write(f"canary-wf: warning: {message}\n")
    register.unlink(missing_ok=True)


def _has_path_of(path: str, own: Path) -> bool:
    """Return whether `path` ends like `own` from the state folder on, as Snakemake names files under a prefix."""
    parts = own.parts
    inner = parts[len(parts) - parts[::-1].index(STATE_FOLDER) - 1 :] if STATE_FOLDER in parts else ()
    return bool(inner) and path.endswith("/" + "/".join(inner)) and path != str(own)


def _is_copy(path: str, own: Path) -> bool:
    """Return whether the regular file `path` belongs to the same session (and batch) as the file `own` of OUT."""
    session = own.parts[len(own.parts) - own.parts[::-1].index("sessions")]
    batch = own.parent.name if own.parent.parent.name == "batches" else ""
    try:
        copy: _Copy = msgspec.json.decode(read_plain(path), type=_Copy)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return copy.session == session and (copy.batch == batch or not batch)


def _signed(register: Path, path: str) -> list[str]:
    return ["copy", *register.parts[-3:], path]


def _line(entry: object) -> bytes:
    import json

    # One line of ASCII, because a path may contain line ends and bytes that are not text.
    return json.dumps(entry).encode() + b"\n"


def _registered(register: Path) -> dict[str, str]:
    """Return the registered copies with their signatures ("" without one); a damaged line names none."""
    try:
        lines = read_plain(register).splitlines()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise WorkspaceError(f"cannot be read ({error.strerror})", where=register, hint="remove it") from error
    return dict(entry for line in lines if (entry := _entry(line)) is not None)


def _entry(line: bytes) -> tuple[str, str] | None:
    import json

    try:
        found: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None  # torn by a full disk
    path, by = found if isinstance(found, list) and len(found) == 2 else (found, "")  # noqa: PLR2004 - path, signature
    if not (isinstance(path, str) and isinstance(by, str)) or not path.startswith("/") or "\0" in path:
        return None
    return path, by
