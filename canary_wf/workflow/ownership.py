"""Generated files carry a mark of their content, so that a file its user edited is told from one that is ours."""

import hashlib
from enum import Enum
from pathlib import Path

from canary_wf.errors import WorkspaceError
from canary_wf.files.plain_files import LARGEST_INPUT, read_plain

_MARK = "\n\n# canary-wf content: "


class Ownership(Enum):
    """Whose a file is."""

    ABSENT = "absent"
    OURS = "ours"
    EDITED = "edited"
    FOREIGN = "foreign"


def marked(text: str) -> str:
    """Return `text` with the mark of its content as its last line."""
    return f"{text}{_MARK}{_digest(text)}\n"


def ownership(path: Path) -> Ownership:
    """Return whose the file at `path` is. Raises WorkspaceError when it cannot be read."""
    try:
        text = read_plain(path, follow=True, most=LARGEST_INPUT).decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return Ownership.FOREIGN if path.is_symlink() else Ownership.ABSENT
    except OSError as error:
        raise WorkspaceError(
            f"cannot be read ({error.strerror})", where=path, hint="choose another OUT with -d"
        ) from error
    body, found, digest = text.rpartition(_MARK)
    if not found:
        return Ownership.FOREIGN
    return Ownership.OURS if digest.strip() == _digest(body) else Ownership.EDITED


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
