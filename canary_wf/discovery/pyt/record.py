"""What one test file said: the calls of its directives, in order, whatever the options of the command line are."""

from typing import Any

import msgspec


class Call(msgspec.Struct, frozen=True, omit_defaults=True):
    """One call of a directive: its bound arguments, its line, and where it came from by way of `include`.

    `file` is the included file when it is not the test file itself; `conditions` are the `when` of the includes
    around it.
    """

    name: str
    arguments: dict[str, Any] = {}
    line: int = 0
    file: str | None = None
    conditions: tuple[str | dict[str, Any], ...] = ()


class FileReading(msgspec.Struct, frozen=True, omit_defaults=True):
    """All calls of one test file, and the further local files that were read for them (absolute paths)."""

    calls: tuple[Call, ...] = ()
    reads: tuple[str, ...] = ()


class Reply(msgspec.Struct, frozen=True):
    """One answer of the reader: a reading, or an error with its line (0: unknown) and file (None: the file asked)."""

    calls: tuple[Call, ...] = ()
    reads: tuple[str, ...] = ()
    error: str | None = None
    line: int = 0
    file: str | None = None
