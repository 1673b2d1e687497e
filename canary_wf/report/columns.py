"""Tables of plain text whose columns fit the terminal.

Wide characters take two columns of a terminal and combining ones none. In a pipe or a file nothing is cut, so that
programs find whole names there.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple, TextIO

BETWEEN = "  "
_LEAST = 16
"""Columns that a cell keeps on a terminal, however narrow it is."""

_MOST_PADDED = 60
"""Columns up to which cells are padded in a pipe, so that one long name does not push everything else away."""


Cut = Literal["never", "middle", "end"]
"""Where a cell may be cut to fit a terminal."""


class Column(NamedTuple):
    """The heading of a column, where its cells may be cut to fit a terminal, and whether they stand at its right.

    Where cutting is not enough, the columns with the highest `spare` are left out, one after the other.
    """

    title: str
    cut: Cut = "never"
    right: bool = False
    spare: int = 0


def table_lines(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    file: TextIO,
    *,
    heading: bool = True,
    indent: str = "",
    paint: Callable[[int, str], str] | None = None,
) -> Iterator[str]:
    """Yield the lines of a table of `rows` for `file`: on a terminal they fit its width, elsewhere they are whole.

    Columns without any text are left out. `paint` colours the first cell of the row with a number.
    """
    used = [number for number in range(len(columns)) if any(row[number] for row in rows)]
    used = _with_room(used, columns, rows, terminal_width(file), len(indent))
    columns = [columns[number] for number in used]
    cells = [[row[number] for number in used] for row in rows]
    widths, cells = _laid_out(columns, cells, file, len(indent), heading=heading)
    titles = [[column.title for column in columns]] if heading and rows else []
    for number, row in enumerate([*titles, *cells], start=-len(titles)):
        line = [padded(cell, most, right=column.right) for cell, column, most in zip(row, columns, widths, strict=True)]
        if paint is not None and number >= 0:
            line[0] = paint(number, line[0])
        yield (indent + BETWEEN.join(line)).rstrip()


def _with_room(
    used: list[int], columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int | None, indent: int
) -> list[int]:
    """Return those of the `used` columns that are shown on a terminal of this `width`; all where it is none."""
    least = {}
    for number in used if width is not None and any(columns[number].spare for number in used) else ():
        most = max(width_of(row[number]) for row in rows)
        least[number] = max(len(columns[number].title), most if columns[number].cut == "never" else min(most, _LEAST))
    while least and sum(least.values()) + len(BETWEEN) * (len(least) - 1) + indent > (width or 0):
        number = max(least, key=lambda each: columns[each].spare)
        if not columns[number].spare:
            break
        del least[number]
    return list(least) or used


def _laid_out(
    columns: Sequence[Column], cells: list[list[str]], file: TextIO, indent: int, *, heading: bool
) -> tuple[list[int], list[list[str]]]:
    """Return the widths of `columns`, and their `cells`, cut where a terminal has not enough room for them."""
    width = terminal_width(file)
    if width is not None:
        cells = [[encodable(cell, file.encoding) for cell in row] for row in cells]
    least = [len(column.title) if heading else 0 for column in columns]
    widths = [
        max(title, max(map(width_of, column), default=0))
        for title, column in zip(least, zip(*cells, strict=True), strict=True)
    ]
    if width is None:
        padding = zip(columns, widths, strict=True)
        return [most if column.cut == "never" else min(most, _MOST_PADDED) for column, most in padding], cells
    before, widths = widths, fitted(columns, widths, width - indent)
    if widths != before:
        ellipsis = "…" if encodable("…", file.encoding) == "…" else "..."
        cells = [
            [
                cut_middle(cell, most, ellipsis) if column.cut == "middle" else cut_end(cell, most, ellipsis)
                for cell, column, most in zip(row, columns, widths, strict=True)
            ]
            for row in cells
        ]
    return widths, cells


def fitted(columns: Sequence[Column], widths: Sequence[int], width: int) -> list[int]:
    """Return `widths`, made smaller where cells may be cut, so that all together fit into `width` if they can.

    The widest column gives way first.
    """
    found = list(widths)
    over = sum(found) + len(BETWEEN) * (len(found) - 1) - width
    yielding = [number for number, column in enumerate(columns) if column.cut != "never"]
    while over > 0 and yielding:
        widest = max(yielding, key=lambda number: found[number])
        others = [found[number] for number in yielding if number != widest]
        step = max(1, min(over, found[widest] - max(others, default=0), found[widest] - _LEAST))
        if found[widest] <= _LEAST:
            break
        found[widest] -= step
        over -= step
    return found


def terminal_width(file: TextIO) -> int | None:
    """Return the number of columns of the terminal that `file` writes to, or None if it is none."""
    if not file.isatty():
        return None
    try:
        found = 0 if os.environ.get("COLUMNS") else os.get_terminal_size(file.fileno()).columns
    except (OSError, ValueError):
        found = 0
    return found or shutil.get_terminal_size().columns


def encodable(text: str, encoding: str | None) -> str:
    """Return `text` with escapes for the characters that `encoding` (UTF-8 if None) does not have."""
    name = encoding or "utf-8"
    return text if text.isascii() else text.encode(name, "backslashreplace").decode(name)


def width_of(text: str) -> int:
    """Return the number of columns that `text` takes on a terminal."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # late: most names are ASCII

    return cell_len(text)


def cut_end(text: str, width: int, ellipsis: str = "…") -> str:
    """Return `text`, cut at its end if it takes more than `width` columns."""
    if width_of(text) <= width:
        return text
    return _head(text, max(0, width - len(ellipsis))) + ellipsis[:width]


def cut_middle(text: str, width: int, ellipsis: str = "…") -> str:
    """Return `text`, cut in its middle if it takes more than `width` columns: names differ at both ends."""
    if width_of(text) <= width:
        return text
    rest = max(0, width - len(ellipsis))
    tail = _head(text[::-1], rest // 2)[::-1]
    return _head(text, rest - width_of(tail)) + ellipsis[:width] + tail


def _head(text: str, width: int) -> str:
    """Return as much of the beginning of `text` as fits into `width` columns."""
    if text.isascii():
        return text[:width]
    for end, letter in enumerate(text):
        width -= width_of(letter)
        if width < 0:
            return text[:end]
    return text


def padded(text: str, width: int, *, right: bool = False) -> str:
    """Return `text` with blanks up to `width` columns: behind it, or before it if it stands at the right."""
    blanks = " " * (width - width_of(text))
    return blanks + text if right else text + blanks
