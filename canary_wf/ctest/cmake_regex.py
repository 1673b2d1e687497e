"""Translates CMake's regular expressions to Python's, so that output is judged as in CTest, within a time limit.

CMake's language is small (its manual, "Regex Specification"): ``^ $ . [] * + ? () |``, and a backslash that makes the
next character literal. It works on bytes. ``.`` and ``[^…]`` also match line ends; ``^`` and ``$`` match at the ends of
the whole text only. Expressions that CMake's compiler refuses are refused here. They never match.
"""

import contextlib
import re
import signal
from collections.abc import Iterator
from functools import lru_cache
from types import FrameType

from canary_wf.errors import InputError

_QUANTIFIERS = b"*+?"
_SIMPLE = {b"^": (rb"\A", False), b"$": (rb"\Z", False), b".": (b"(?s:.)", True)}
_MOST_GROUPS = 31


@lru_cache(maxsize=1024)
def compile_cmake(pattern: str) -> re.Pattern[bytes]:
    """Return `pattern` compiled for searching in bytes. Raises InputError if CMake would not compile it."""
    try:
        return re.compile(translate(pattern))
    except (re.error, RecursionError, OverflowError) as error:
        raise InputError(f"{pattern!r:.80} is not a regular expression ({error})") from None


def translate(pattern: str) -> bytes:
    """Return `pattern` in Python's language. Raises InputError if CMake would not compile it."""
    return _Translation(pattern).translate()


class _Translation:
    """One pass over a pattern. Each method returns a piece, and whether the piece always matches at least one byte."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.text = pattern.encode("utf-8", "surrogateescape")
        self.at = 0
        self.groups = 0

    def translate(self) -> bytes:
        found, _ = self._alternatives()
        if self.at < len(self.text):
            raise self._error("unmatched ()")
        return found

    def _error(self, what: str) -> InputError:
        return InputError(f"{self.pattern!r:.80} is not a regular expression of CMake ({what})")

    def _peek(self) -> bytes:
        return self.text[self.at : self.at + 1]

    def _next(self) -> bytes:
        self.at += 1
        return self.text[self.at - 1 : self.at]

    def _alternatives(self) -> tuple[bytes, bool]:
        branches = [self._branch()]
        while self._peek() == b"|":
            self.at += 1
            branches.append(self._branch())
        return b"|".join(branch for branch, _ in branches), all(wide for _, wide in branches)

    def _branch(self) -> tuple[bytes, bool]:
        pieces: list[bytes] = []
        wide = False
        while self._peek() not in {b"", b"|", b")"}:
            piece, piece_wide = self._piece()
            pieces.append(piece)
            wide = wide or piece_wide
        return b"".join(pieces), wide

    def _piece(self) -> tuple[bytes, bool]:
        atom, wide = self._atom()
        if self._peek() == b"" or self._peek() not in _QUANTIFIERS:
            return atom, wide
        quantifier = self._next()
        if quantifier != b"?" and not wide:
            raise self._error("*+ operand could be empty")
        if self._peek() != b"" and self._peek() in _QUANTIFIERS:
            raise self._error("nested *?+")
        return b"(?:" + atom + b")" + quantifier, quantifier == b"+"

    def _atom(self) -> tuple[bytes, bool]:
        byte = self._next()
        if byte in _SIMPLE:
            return _SIMPLE[byte]
        if byte == b"[":
            return self._set(), True
        if byte == b"(":
            return self._group()
        if byte in _QUANTIFIERS:
            raise self._error("?+* follows nothing")
        if byte == b"\\":
            if self._peek() == b"":
                raise self._error("trailing backslash")
            byte = self._next()
        return re.escape(byte), True

    def _group(self) -> tuple[bytes, bool]:
        self.groups += 1
        if self.groups > _MOST_GROUPS:
            raise self._error("too many parentheses")
        inner, wide = self._alternatives()
        if self._next() != b")":
            raise self._error("unmatched ()")
        return b"(?:" + inner + b")", wide

    def _set(self) -> bytes:
        """Return the set after a ``[``. A backslash is an ordinary member of a set."""
        negated = self._peek() == b"^"
        self.at += negated
        members: set[int] = set()
        if self._peek() in {b"]", b"-"}:
            members.add(ord(self._next()))
        while self._peek() not in {b"", b"]"}:
            byte = ord(self._next())
            if byte != ord("-") or self._peek() in {b"", b"]"}:
                members.add(byte)
                continue
            first, last = self.text[self.at - 2], ord(self._next())
            if first > last:
                raise self._error("invalid range in []")
            members.update(range(first, last + 1))
        if self._next() != b"]":
            raise self._error("unmatched []")
        inner = b"".join(b"\\x%02x" % member for member in sorted(members))
        return b"[" + (b"^" if negated else b"") + inner + b"]"


class TookTooLongError(Exception):
    """The code inside `time_limited` was stopped at its limit."""


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise TookTooLongError


@contextlib.contextmanager
def time_limited(seconds: float) -> Iterator[None]:
    """Stop the code inside after `seconds` by raising TookTooLongError.

    This uses SIGALRM, which interrupts Python's regular expression engine. Only the main thread can set the alarm, so
    code in other threads runs without a limit.
    """
    try:
        before = signal.signal(signal.SIGALRM, _stop)
    except ValueError:
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
