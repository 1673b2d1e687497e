"""What a test printed, as text that can be shown anywhere: it may hold anything, and must not do anything.

Colour codes are taken out, as they only stand between a reader and the text; every other control character, and what
would turn the direction of the text around, is shown as an escape.
"""

import re
from pathlib import Path

from canary_wf.errors import one_line
from canary_wf.report.session import tail

_COLOURS = re.compile("\x1b\\[[0-9;:]*m")


def shown_line(line: str) -> str:
    """Return one line of output as it can be shown."""
    return one_line(_COLOURS.sub("", line).expandtabs(8))


def shown_tail(path: Path, lines: int = 5, most: int = 8192) -> list[str]:
    """Return the last `lines` lines of the output in `path` as they can be shown, from at most `most` bytes."""
    return [shown_line(line) for line in tail(path, lines, most)]
