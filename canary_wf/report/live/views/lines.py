"""Lines of a terminal: pieces of text with a style, cut to the width that they take on the screen."""

from collections.abc import Sequence
from typing import NamedTuple

from canary_wf.errors import one_line
from canary_wf.report.columns import cut_end, encodable, width_of

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36", "magenta": "35", "": ""}


class Piece(NamedTuple):
    """Text in one style."""

    text: str
    style: str = ""


Line = Sequence[Piece]


def harmless(text: str, encoding: str | None) -> str:
    """Return `text` as one line, with escapes for control characters and for what `encoding` does not have."""
    return encodable(one_line(text), encoding)


def cut_line(line: Line, width: int, ellipsis: str = "…") -> list[Piece]:
    """Return `line`, shortened at its end if it takes more than `width` columns."""
    found: list[Piece] = []
    for text, style in line:
        short = cut_end(text, width, ellipsis)
        found.append(Piece(short, style))
        width -= width_of(short)
        if short != text or width <= 0:
            break
    return found


def line_width(line: Line) -> int:
    """Return the number of columns that `line` takes."""
    return sum(width_of(piece.text) for piece in line)


def painted(line: Line, *, coloured: bool) -> str:
    """Return `line` as text, with the escapes of its styles if it is `coloured`."""
    return "".join(f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if coloured and style else text for text, style in line)
