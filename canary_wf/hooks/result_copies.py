"""Results at other places than OUT, where rules of larger workflows expect them: under a prefix, in another folder.

The files in OUT say what is done. A copy that outlived them would keep a job that was reset from ever running again, so
each copy is noted before it is there, and a reset removes it.
"""

import os
from pathlib import Path

from canary_wf.json_files import not_writable, write_all


def note_copy(register: Path, own: Path, target: Path) -> None:
    """Write into `register` that `target` stands for the file `own` of OUT, unless it is that file.

    Raises WorkspaceError when that is not possible.
    """
    import json

    expected = os.path.abspath(target)  # noqa: PTH100 - resolve() would follow links
    if expected == str(own) or expected in _noted(register):
        return
    try:
        descriptor = os.open(register, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
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
    if not register.is_file():
        return []
    import json

    # A name may hold a line end, so each line is JSON; one that a full disk cut short names no file.
    lines = register.read_text(encoding="utf-8").splitlines()
    return [str(json.loads(line)) for line in lines if len(line) > 1 and line.endswith('"')]
