"""The errors that a user sees, all of one family, with the exit codes of the command line.

An error states in one line where (file, key path, job or option), what is wrong, and what to do next. Lower layers
raise; only `canary_wf.cli` prints.
"""

import copyreg
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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


def valid_text(text: str) -> str:
    r"""Return `text` with what no UTF-8 file can hold escaped: bytes of names that are not UTF-8 become ``\xff``."""
    if text.isascii():
        return text
    return "".join(_escaped(character) if "\ud800" <= character <= "\udfff" else character for character in text)


def _escaped(surrogate: str) -> str:
    byte = ord(surrogate) - 0xDC00  # by which `surrogateescape` stands for it
    return f"\\x{byte:02x}" if 0x80 <= byte <= 0xFF else ascii(surrogate)[1:-1]  # noqa: PLR2004 - a byte's upper half


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


MOST_TOLD = 20
"""The most mistakes that are reported in one go; of further ones the number is reported."""


class MistakesError(InputError):
    """Several mistakes in the input, found in one go. It reads like the first of `errors`.

    `more` is the number of further mistakes of which no more is known.
    """

    def __init__(self, errors: Sequence[InputError], more: int = 0) -> None:
        first = errors[0]
        super().__init__(first.what, where=first.where, hint=first.hint)
        self.errors = tuple(errors)
        self.more = more

    def lines(self) -> list[str]:
        """Return the mistakes, one a line: MOST_TOLD at most, then the number of the others."""
        shown = [str(error) for error in self.errors[:MOST_TOLD]]
        more = len(self.errors) - len(shown) + self.more
        return [*shown, f"and {more} more mistakes" if more > 1 else "and 1 more mistake"] if more else shown


class MistakeList:
    """Collects the mistakes of a part of the input, so that all of them can be reported in one go."""

    def __init__(self) -> None:
        self.errors: dict[str, InputError] = {}
        self.more = 0

    def __bool__(self) -> bool:
        return bool(self.errors)

    def add(self, error: InputError) -> None:
        """Add `error`, or all mistakes that it stands for; one that is there already is not repeated."""
        for each in error.errors if isinstance(error, MistakesError) else (error,):
            self.errors.setdefault(str(each), each)
        self.more += error.more if isinstance(error, MistakesError) else 0

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Add the InputError that ends the body, if any, and go on after it."""
        try:
            yield
        except InputError as error:
            self.add(error)

    def raise_any(self) -> None:
        """Raise the mistake, or MistakesError if there are several."""
        error = self.as_error()
        if error is not None:
            raise error

    def as_error(self) -> InputError | None:
        """Return the mistake, MistakesError if there are several, or None."""
        if not self.errors:
            return None
        files: dict[str, int] = {}
        found = sorted(self.errors.values(), key=lambda error: _place(error, files))
        if len(found) > 1 or self.more:
            return MistakesError(found, self.more)
        return found[0]


def _place(error: CanaryWfError, files: dict[str, int]) -> tuple[int, int]:
    """Return a key that sorts errors by file, in the order in which `files` got to know them, and line."""
    file, _, line = (error.where or "").rpartition(":")
    is_line = line.isascii() and line.isdigit() and len(line) < 10  # noqa: PLR2004 - files have fewer lines
    name = file if is_line else error.where or ""
    return files.setdefault(name, len(files)), int(line) if is_line else 0


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
