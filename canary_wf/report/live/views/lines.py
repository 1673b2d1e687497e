"""Lines of a terminal: pieces of text with a style, cut to the width that they take on the screen.

Wide characters take two columns and combining ones none (`rich.cells`). Everything comes as text of one line, without
control characters; what the terminal's encoding does not know is escaped before it is measured.
"""

from collections.abc import Sequence
from typing import NamedTuple

from canary_wf.errors import one_line

_ELLIPSIS = "…"
_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36", "magenta": "35", "": ""}


class Piece(NamedTuple):
    """Text in one style."""

    text: str
    style: str = ""


Line = Sequence[Piece]


def width_of(text: str) -> int:
    """Return the number of columns that `text` takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # late: most names are ASCII

    return cell_len(text)


def encodable(text: str, encoding: str | None) -> str:
    """Return `text` as one line, with escapes for control characters and for those that `encoding` does not know."""
    line = one_line(text)
    return line if line.isascii() else line.encode(encoding or "utf-8", "backslashreplace").decode(encoding or "utf-8")


def cut_end(text: str, width: int, ellipsis: str = _ELLIPSIS) -> str:
    """Return `text`, shortened at its end if it takes more than `width` columns."""
    return text if width_of(text) <= width else _head(text, max(0, width - len(ellipsis))) + ellipsis[:width]


def cut_middle(text: str, width: int, ellipsis: str = _ELLIPSIS) -> str:
    """Return `text`, shortened in its middle if it takes more than `width` columns: names differ at both ends."""
    if width_of(text) <= width:
        return text
    rest = max(0, width - len(ellipsis))
    tail = _head(text[::-1], rest // 2)[::-1]
    return _head(text, rest - width_of(tail)) + ellipsis[:width] + tail


def padded(text: str, width: int) -> str:
    """Return `text` with blanks up to `width` columns."""
    return text + " " * (width - width_of(text))


def cut_line(line: Line, width: int, ellipsis: str = _ELLIPSIS) -> list[Piece]:
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


def _head(text: str, width: int) -> str:
    """Return as much of the beginning of `text` as fits `width` columns."""
    if text.isascii():
        return text[:width]
    end = min(len(text), width)
    while end < len(text) and width_of(text[: end + 1]) <= width:
        end += 1
    while width_of(text[:end]) > width:
        end -= 1
    return text[:end]
