"""Whether what a page shows below a command is what the command prints, apart from times, sessions and sizes.

A page may leave out lines, or a part of one, with ``…``.
"""

import difflib
import re
from collections.abc import Sequence

ELLIPSIS = "…"

_CHANGING = (
    (r"\b20\d{6}T\d{6}(?:\.\d{6})?\b", "SESSION"),
    (r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?: [+-]\d{4})?", "DATE"),
    (r"\b\d\d-\d\d \d\d:\d\d\b", "DATE"),
    (r"\b(?:\d+d)?(?:\d+h)?(?:\d+m)?\d+(?:\.\d+)?s\b|\b\d+h\d\dm\b", "TIME"),
    (r"\b\d+(?:\.\d+)? (?:bytes|KiB|MiB|GiB)", "SIZE"),
    (r"\b\d+(?:\.\d+)?%", "PERCENT"),
    (r"[ \t]+", " "),
)


def normalised(text: str) -> str:
    """Return `text` with names in place of what differs from run to run, and one space where columns are aligned."""
    for pattern, name in _CHANGING:
        text = re.sub(pattern, name, text)
    return "\n".join(line.strip() for line in text.strip().splitlines())


def differences(shown: Sequence[str], printed: str) -> str:
    """Return how the lines that a page shows differ from what was printed, or "" where they do not."""
    expected, found = normalised("\n".join(shown)), normalised(printed)
    parts = re.split(rf"\n?{ELLIPSIS}\n?", expected)
    pattern = r"(?:.|\n)*?".join(map(re.escape, parts))
    if re.fullmatch(pattern, found):
        return ""
    return "\n".join(difflib.unified_diff(expected.split("\n"), found.split("\n"), "shown", "printed", lineterm=""))
