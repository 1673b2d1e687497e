"""Plain tables for standard output: columns that line up, on a terminal and in a file alike."""

import sys
from collections.abc import Sequence


def print_columns(rows: Sequence[Sequence[str]]) -> None:
    """Write `rows` (the first is the heading), all of the same length, as columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        sys.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n")
