"""What a process said last in its output: the second half of a failure's reason, beside the exit code.

The output is untrusted, and may be long, binary or full of escapes. Only its end is read, and what is told of it is one
line of bounded length.
"""

import os
import re
from pathlib import Path

from canary_wf.files.plain_files import open_plain
from canary_wf.runtime.canary.notes import shortened

MOST_READ = 1 << 15
"""Bytes at the end of an output that are searched."""

UNCAUGHT = 1
"""Python's exit code after an exception that nobody caught."""

_FRAME = b'  File "'
_ERROR = re.compile(rb"[A-Za-z_][\w.]*(: .*)?")
_ESCAPES = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")
"""Sequences that set colours, the cursor or the title of a terminal (ECMA-48)."""

_WORD = re.compile(r"[^\W_]")


def last_message(output: Path | str, code: int = 0) -> str | None:
    """Return what the process that ended with `code`, or still runs, said last in the file `output`: one line, or None.

    That is the error of the last traceback where nobody caught it, else the last line with a letter or digit in it.
    """
    try:
        with open_plain(output) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - MOST_READ))
            end = file.read(MOST_READ)
    except OSError:  # the reason then describes the exit code alone
        return None
    return (_last_error(end) if code == UNCAUGHT else None) or last_line(end)


def last_line(text: bytes) -> str | None:
    """Return the last line of `text` with a letter or digit in it, in printable form, or None."""
    for line in reversed(text.split(b"\n")):
        said = line_said(line)
        if said is not None:
            return said
    return None


def line_said(line: bytes) -> str | None:
    """Return what a terminal would show of `line`, in printable form; None for rules, blanks and binary data."""
    shown = _ESCAPES.sub(b"", line).rstrip(b"\r").rpartition(b"\r")[2].decode(errors="replace").strip()
    if not _WORD.search(shown) or 2 * sum(map(_is_text, shown)) < len(shown):
        return None
    return shortened(shown)


def _is_text(letter: str) -> bool:
    return letter.isprintable() and letter != "\ufffd"


def _last_error(end: bytes) -> str | None:
    """Return the last line of the last traceback in `end`; None where there is none."""
    error = None
    in_frames = False
    for line in end.split(b"\n"):
        if line.startswith(_FRAME):
            in_frames = True
        elif in_frames and line.strip() and not line.startswith((b" ", b"\t")):
            error = line if _ERROR.fullmatch(line) else error
            in_frames = False
    return None if error is None else shortened(error.decode(errors="replace"))
