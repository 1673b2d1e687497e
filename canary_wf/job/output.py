"""Reading what a job printed, and packing it for formats that carry it inside (such as CDash)."""

import base64
import zlib
from pathlib import Path

from canary_wf.errors import WorkspaceError
from canary_wf.plain_files import read_plain


def read_text(path: Path) -> str:
    """Return the content of `path`, bytes that are no UTF-8 replaced; an absent file is empty.

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
