"""What a process said last in its output: the second half of a failure's reason, beside the exit code.

The output is untrusted, and may be long, binary or full of escapes. Only its end is read, and what is reported of it is
one line of bounded length.
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
_PLACE = re.compile(rb'  File "(?:.*/)?([^/]+)", line ([0-9]+)(?:, in .*)?')
_ERROR = re.compile(rb"[A-Za-z_][\w.]*(: .*)?")
_ESCAPES = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")
"""Sequences that set colours, the cursor or the title of a terminal (ECMA-48)."""

_WORD = re.compile(r"[^\W_]")


def last_message(output: Path | str, code: int = 0) -> str | None:
    """Return what the process that ended with `code`, or still runs, said last in the file `output`: one line, or None.

    That is the error of the last traceback where nobody caught it, else the last line with a letter or digit in it. An
    error without a message comes with its place and the line of its source there.
    """
    end = _end_of(output)
    return (_last_error(end) if code == UNCAUGHT else None) or last_line(end)


def with_place(error: str, output: Path | str) -> str:
    """Return the name of an `error`, with its place and source line if the last traceback in `output` is of it."""
    name, at, place = (_last_error(_end_of(output)) or "").partition(" at ")
    return f"{error}{at}{place}" if name.rpartition(".")[2] == error else error


def _end_of(output: Path | str) -> bytes:
    """Return the end of the file `output`; nothing if it cannot be read."""
    try:
        with open_plain(output) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - MOST_READ))
            return file.read(MOST_READ)
    except OSError:  # the reason then describes the exit code alone
        return b""


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
    """Return the last line of the last traceback in `end`, with the place if that is a name only; None without one."""
    error = None
    frame: list[bytes] = []
    for line in end.split(b"\n"):
        if line.startswith(_FRAME):
            frame = [line]
        elif frame and line.strip() and not line.startswith((b" ", b"\t")):
            found = _ERROR.fullmatch(line)
            if found is not None:
                error = line if found[1] else line + _place(frame)
            frame = []
        elif frame:
            frame.append(line)
    return None if error is None else shortened(error.decode(errors="replace"))


def _place(frame: list[bytes]) -> bytes:
    """Return where the innermost `frame` of a traceback was, and its source line; nothing for code without a file."""
    found = _PLACE.fullmatch(frame[0])
    if found is None or found[1].startswith(b"<"):
        return b""
    source = frame[1].strip() if len(frame) > 1 else b""
    return b" at %b:%b" % (found[1], found[2]) + (b": " + source if source else b"")
