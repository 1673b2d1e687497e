"""The reading of one test file: the calls of its directives in order, independent of command-line options."""

from typing import Any

import msgspec


class Call(msgspec.Struct, frozen=True, omit_defaults=True):
    """One call of a directive: its bound arguments and its location.

    `file` is the included file that made the call, None for the test file itself. `conditions` are the `when` arguments
    of the enclosing includes.
    """

    name: str
    arguments: dict[str, Any] = {}
    line: int = 0
    file: str | None = None
    conditions: tuple[str | dict[str, Any], ...] = ()


class FileReading(msgspec.Struct, frozen=True, omit_defaults=True):
    """All calls of one test file, and what they depend on besides its text.

    `reads` are the other local files that were executed (absolute paths). `environment` has the variables that were
    read (None: not set). `outside` says that the file accessed something else, so the next reading may differ.
    """

    calls: tuple[Call, ...] = ()
    reads: tuple[str, ...] = ()
    environment: dict[str, str | None] = {}
    outside: bool = False


class Reply(msgspec.Struct, frozen=True):
    """One answer of the reader: a reading, or an error with its line (0: unknown) and file (None: the test file)."""

    calls: tuple[Call, ...] = ()
    reads: tuple[str, ...] = ()
    environment: dict[str, str | None] = {}
    outside: bool = False
    error: str | None = None
    line: int = 0
    file: str | None = None
