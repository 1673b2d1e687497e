"""Results at other places than OUT, where rules of larger workflows expect them: under a prefix, in another folder.

The files in OUT say what is done. A copy that outlived them would keep a job that was reset from ever running again, so
each copy is noted before it is there, and a reset removes it.
"""

import os
from contextlib import suppress
from pathlib import Path

from canary_wf.errors import WorkspaceError
from canary_wf.json_files import not_writable, write_all
from canary_wf.plain_files import open_own, read_plain


def note_copy(register: Path, own: Path, target: Path) -> None:
    """Write into `register` that `target` stands for the file `own` of OUT, unless it is that file.

    Raises WorkspaceError when that is not possible.
    """
    import json

    expected = os.path.abspath(target)  # noqa: PTH100 - resolve() would follow links
    if expected == str(own) or expected in _noted(register):
        return
    try:
        descriptor = open_own(register, os.O_RDWR | os.O_APPEND)
        try:
            size = os.fstat(descriptor).st_size
            torn = size and os.pread(descriptor, 1, size - 1) != b"\n"
            write_all(descriptor, (b"\n" if torn else b"") + json.dumps(expected).encode() + b"\n")
        finally:
            os.close(descriptor)
    except OSError as error:
        raise not_writable(register, error) from error


def remove_copies(register: Path) -> None:
    """Remove all copies that `register` names, so that every workflow which expects one makes it again."""
    for path in _noted(register):
        Path(path).unlink(missing_ok=True)
    register.unlink(missing_ok=True)


def _noted(register: Path) -> list[str]:
    import json

    try:
        lines = read_plain(register).decode(errors="replace").split("\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise WorkspaceError(f"cannot be read ({error.strerror})", where=register, hint="remove it") from error
    noted = []
    # A name may hold a line end, so each line is JSON; one that a full disk cut short names no file.
    for line in lines:
        with suppress(ValueError, RecursionError):
            path = json.loads(line)
            if isinstance(path, str) and "\0" not in path:
                noted.append(path)
    return noted
