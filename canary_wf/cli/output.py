"""Writes the output of commands to standard output: plain tables, equal on a terminal and in a file, and JSON."""

import sys
from collections.abc import Sequence
from pathlib import Path

from canary_wf.errors import one_line
from canary_wf.files.json_files import as_text


def print_json(value: object) -> None:
    """Write `value` (msgspec structs included) as one line of JSON."""
    print_utf8(as_text(value))


def print_utf8(text: str) -> None:
    """Write `text` for another program, in UTF-8 whatever the encoding of the terminal."""
    print_bytes(text.encode("utf-8", "backslashreplace"))


def print_bytes(content: bytes) -> None:
    """Write `content` unchanged, after all earlier output."""
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def say_written(file: Path) -> None:
    """Say on standard error that `file` was written, because standard output may be read by another program."""
    sys.stdout.flush()
    sys.stderr.write(f"Wrote {one_line(str(file))}\n")


def print_columns(rows: Sequence[Sequence[str]]) -> None:
    """Write `rows` as columns. The first row is the heading, and all rows have the same length."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        sys.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n")
