"""Reading what a job printed, and packing it for formats that carry it inside (such as CDash)."""

import base64
import zlib
from pathlib import Path
from typing import BinaryIO

from canary_wf.errors import WorkspaceError
from canary_wf.files.plain_files import open_below, open_plain, read_plain
from canary_wf.state.session_paths import STATE_FOLDER

_DOWN_TO_SESSION = 2


def open_output(path: Path) -> BinaryIO:
    """Open what a job printed, for reading; in a session, where links on the way to it are not followed.

    A job may have replaced any folder by a link, and whoever prepared a workspace, too. Raises OSError.
    """
    parts = path.parts
    if STATE_FOLDER not in parts:
        return open_plain(path)
    state = len(parts) - parts[::-1].index(STATE_FOLDER)
    return open_below(Path(*parts[: state + _DOWN_TO_SESSION]), path)


def read_text(path: Path) -> str:
    """Return the content of `path`, bytes that are not UTF-8 replaced; an absent file is empty.

    Raises WorkspaceError when it cannot be read.
    """
    try:
        return read_plain(path).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise WorkspaceError(f"cannot be read ({error.strerror})", where=path) from error


def compress_text(text: str) -> str:
    """Return `text` as UTF-8, deflated (zlib, RFC 1950) and in Base64, without line ends."""
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode("ascii")
