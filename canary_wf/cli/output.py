"""Writes the output of commands to standard output: tables that fit the terminal, and JSON."""

import errno
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from canary_wf.errors import one_line
from canary_wf.files.json_files import as_text
from canary_wf.report.columns import Column, Cut, table_lines


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


def print_columns(rows: Sequence[Sequence[str]], cut: Mapping[str, Cut] | None = None) -> None:
    """Write `rows` as columns that fit the terminal. The first row is the heading, and all rows have the same length.

    `cut` says by heading which columns may be cut on a terminal, and where.
    """
    heading, *cells = rows
    columns = [Column(title, (cut or {}).get(title, "never")) for title in heading]
    sys.stdout.writelines(f"{line}\n" for line in table_lines(columns, cells, sys.stdout))


_GONE = frozenset({errno.EPIPE, errno.EIO})
"""What writing ends with when the reader has closed the pipe, or the terminal is gone."""


def write_or_mute(text: str) -> None:
    """Write `text` at once; when nobody reads standard output any more, write it and all that follows to nowhere.

    A command that has started a run keeps to it. Raises OSError for any other reason.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        mute_if_gone(error)


def mute_if_gone(error: OSError) -> None:
    """Send standard output to nowhere if `error` says that nobody reads it any more; else raise `error`."""
    if error.errno not in _GONE:
        raise error
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)
