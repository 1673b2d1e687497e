"""The `when=` of a directive: for which jobs it holds.

A condition is a mapping, or a text of ``key=value`` words with quotes around values that hold blanks. The keys are
options, keywords, parameters, testname and platforms; all of them must hold. Facts: `reference/canary-e3.md` 1.2.
"""

import platform
import re
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

import msgspec

from canary_wf.discovery.parameter_expression import parse_parameter_expression
from canary_wf.errors import InputError
from canary_wf.expressions import parse_expression

_KEYS = {
    "options": "options",
    "option": "options",
    "keywords": "keywords",
    "keyword": "keywords",
    "parameters": "parameters",
    "parameter": "parameters",
    "testname": "testname",
    "testnames": "testname",
    "platforms": "platforms",
    "platform": "platforms",
}
_FURTHER = re.compile(r"[,;&]\s*(\w+)=")
_PLATFORMS = (sys.platform, platform.system())


class Situation(msgspec.Struct, frozen=True):
    """What a condition is judged on: the options turned on, and the job's family, parameters and keywords."""

    options: frozenset[str] = frozenset()
    testname: str = ""
    parameters: dict[str, Any] = {}
    keywords: Sequence[str] = ()


class Condition:
    """A parsed `when`; `keys` are the kinds of facts it needs."""

    def __init__(self, parts: Sequence[tuple[str, str]]) -> None:
        self._parts = [(key, text, _TESTS[key](text)) for key, text in parts]
        self.keys = frozenset(key for key, _ in parts)

    def unmet(self, situation: Situation) -> str | None:
        """Return the first part that does not hold, as ``key=value``, or None when all do."""
        for key, text, test in self._parts:
            if not test(situation):
                return f"{key}={text}"
        return None

    def holds(self, situation: Situation) -> bool:
        """Return whether all parts hold."""
        return all(test(situation) for _, _, test in self._parts)


def parse_condition(when: object, further: Sequence[object] = ()) -> Condition | None:
    """Return `when` and the `further` conditions around it as one; None when there are none. Raises InputError."""
    parts: list[tuple[str, str]] = []
    for each in (*further, when):
        if isinstance(each, str):
            parts.extend(_split(each))
        elif isinstance(each, Mapping):
            parts.extend((_key(key), _text(key, value)) for key, value in each.items())
        elif each is not None:
            raise InputError(f"when={each!r:.80} is neither text nor a mapping")
    return _condition(tuple(parts)) if parts else None


@lru_cache(maxsize=4096)
def _condition(parts: tuple[tuple[str, str], ...]) -> Condition:
    return Condition(parts)


def _split(text: str) -> list[tuple[str, str]]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise InputError(f"when={text!r:.80} is not understood ({error})") from None
    parts = []
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise InputError(f"when={text!r:.80}: {word!r} is not key=value", hint="put quotes around the value")
        further = _FURTHER.search(value)
        if further is not None and further[1] in _KEYS:
            raise InputError(
                f"when={text!r:.80}: {further[1]}= is a condition of its own", hint="put a blank before it"
            )
        parts.append((_key(key), value))
    return parts


def _key(key: str) -> str:
    if key not in _KEYS:
        known = "options, keywords, parameters, testname and platforms"
        raise InputError(f"when: {key!r:.80} is not a condition", hint=f"use {known}")
    return _KEYS[key]


def _text(key: str, value: object) -> str:
    if not isinstance(value, str):
        raise InputError(f"when: the condition on {key} is {value!r:.80}, not text")
    return value


def _named(text: str, names: Callable[[Situation], Sequence[str] | frozenset[str]], *, fold: bool) -> "_Test":
    """Return a test of an expression over names, each matched by fnmatch, `fold`ed for case or not."""
    if not text.strip():
        return lambda _: False
    expression = parse_expression(text)
    if not fold:
        return lambda situation: expression(
            lambda pattern: any(fnmatchcase(name, pattern) for name in names(situation))
        )
    return lambda situation: expression(
        lambda pattern: any(fnmatchcase(name.lower(), pattern.lower()) for name in names(situation))
    )


def _parameters(text: str) -> "_Test":
    expression = parse_parameter_expression(text)
    return lambda situation: expression(situation.parameters)


_Test = Callable[[Situation], bool]
_TESTS: dict[str, Callable[[str], _Test]] = {
    "options": lambda text: _named(text, lambda situation: situation.options, fold=False),
    "keywords": lambda text: _named(text, lambda situation: situation.keywords, fold=True),
    "testname": lambda text: _named(text, lambda situation: (situation.testname,), fold=False),
    "platforms": lambda text: _named(text, lambda _: _PLATFORMS, fold=True),
    "parameters": _parameters,
}
