"""Ownership stamps: generated files carry a digest of their content, by which edited files are recognised."""

import hashlib
from enum import Enum
from pathlib import Path

from canary_wf.errors import WorkspaceError
from canary_wf.files.plain_files import LARGEST_INPUT, read_plain

_MARK = "\n\n# canary-wf content: "


class Ownership(Enum):
    """The state of a file with respect to its generator."""

    ABSENT = "absent"
    OURS = "ours"
    EDITED = "edited"
    FOREIGN = "foreign"


def marked(text: str) -> str:
    """Return `text` with the stamp of its content as its last line."""
    return f"{text}{_MARK}{_digest(text)}\n"


def ownership(path: Path) -> Ownership:
    """Return the ownership of the file at `path`. Raises WorkspaceError when it cannot be read."""
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
