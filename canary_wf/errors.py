"""The errors that a user sees, all of one family, with the exit codes of the command line.

An error states in one line where (file, key path, job or option), what is wrong, and what to do next. Lower layers
raise; only `canary_wf.cli` prints.
"""

import copyreg
import sys
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, ClassVar


class ExitCode(IntEnum):
    """The exit codes of commands."""

    DONE = 0
    JOBS_FAILED = 1
    USAGE = 2
    INPUT = 3
    WORKSPACE = 4


def one_line(text: str) -> str:
    """Return `text` with line ends and control characters escaped, so that hostile names cannot forge a message.

    Commands to a GitHub runner are escaped, too: two colons at the start, and ``##[`` anywhere.
    """
    if not text.isprintable():
        text = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
    if "::" in text and text.lstrip().startswith("::"):
        text = text.replace(":", "\\x3a", 1)
    return text.replace("##[", "#\\x23[") if "##[" in text else text


class CanaryWfError(Exception):
    """Base class of all errors of this package.

    `what` is the mistake, `where` its place (``file:line``, option or job), `hint` the remedy.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.JOBS_FAILED

    def __init__(self, what: str, *, where: object = None, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = None if where is None else str(where)
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without calling `__init__` again, which may take other arguments."""
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__.copy()  # type: ignore[attr-defined]

    def __str__(self) -> str:
        text = self.what if self.where is None else f"{self.where}: {self.what}"
        return one_line(text if self.hint is None else f"{text}; {self.hint}")


class UsageError(CanaryWfError, ValueError):
    """The command line is wrong: an option, its value, or an unknown job."""

    exit_code = ExitCode.USAGE


class InputError(CanaryWfError, ValueError):
    """The input is wrong: a test file, a job file, a pool file, a batch specification, or nothing was found."""

    exit_code = ExitCode.INPUT


class WorkspaceError(CanaryWfError):
    """The workspace is missing, damaged, busy or not writable."""

    exit_code = ExitCode.WORKSPACE


def as_error(error: CanaryWfError | OSError, batch: str) -> CanaryWfError:
    """Return `error` as a one-line error that names the `batch` whose files are affected."""
    if isinstance(error, CanaryWfError):
        return error
    return WorkspaceError(f"{error.filename or 'its files'}: {error.strerror}", where=f"batch {batch}")


def raise_last(errors: Sequence[CanaryWfError]) -> None:
    """Raise the last of `errors`, if any, after printing the others on standard error."""
    if errors:
        sys.stderr.writelines(f"canary-wf: {error}\n" for error in errors[:-1])
        raise errors[-1]
