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
    """All calls of one test file, and what they depend on besides its text.

    `reads` are further local files that were executed for them (absolute paths), `environment` the variables that were
    asked for (None: not set); `outside` says that it looked at something else, so that it may be otherwise next time.
    """

    calls: tuple[Call, ...] = ()
    reads: tuple[str, ...] = ()
    environment: dict[str, str | None] = {}
    outside: bool = False


class Reply(msgspec.Struct, frozen=True):
    """One answer of the reader: a reading, or an error with its line (0: unknown) and file (None: the file asked)."""

    calls: tuple[Call, ...] = ()
    reads: tuple[str, ...] = ()
    environment: dict[str, str | None] = {}
    outside: bool = False
    error: str | None = None
    line: int = 0
    file: str | None = None
