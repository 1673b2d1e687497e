"""The `when=` condition of a directive, which decides for which jobs it holds.

A condition is a mapping, or a text of ``key=value`` words with quotes around values that contain blanks. The keys are
options, keywords, parameters, testname and platforms. All of them must hold (docs/reference/peers.md, "Conditions").
"""

import os
import platform
import re
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
    "platforms": "platforms",
    "platform": "platforms",
}
_ALIASES = {"name": "testname"}
"""Additional keys of the text form. canary knows them only there."""

_PART = re.compile(
    r"""(?P<key>[^\s='"]+)\s*=\s*(?P<value>'''.*?'''|\"\"\".*?\"\"\"|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s'"]\S*|)\s*""",
    re.DOTALL,
)
_FURTHER = re.compile(r"[,;&]\s*(\w+)\s*=")
_QUOTES = (3 * '"', 3 * "'", '"', "'")
_PLACEHOLDER = re.compile(r"\$(?:(?P<dollar>\$)|(?P<plain>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*)\})")
_BRACES = re.compile(r"\{(?P<braced>[A-Za-z_]\w*)\}")

_SITE_VARIABLES = ("SNLSYSTEM", "SNLCLUSTER", "SNLOS")
_PLATFORM_VARIABLE = "CANARY_PLATFORM"
_ANY_PLATFORM = "any"


class Situation(msgspec.Struct, frozen=True):
    """The facts on which conditions are evaluated: options, and the job's family, parameters and keywords.

    `absent` are the parameters of the jobs that an aggregating job follows; it does not have them itself.
    """

    options: frozenset[str] = frozenset()
    testname: str = ""
    parameters: dict[str, Any] = {}
    keywords: Sequence[str] = ()
    absent: frozenset[str] = frozenset()


class Condition:
    """A parsed `when`. `keys` are the names of the facts it needs."""

    def __init__(self, parts: Sequence[tuple[str, str]]) -> None:
        self._parts = [(key, text, _test(key, text)) for key, text in parts]
        needs_parameters = any(_has_placeholder(text) for _, text in parts)
        self.keys = frozenset(key for key, _ in parts) | ({"parameters"} if needs_parameters else set())

    def unmet(self, situation: Situation) -> str | None:
        """Return the first part that does not hold, as ``key=value``, or None if all hold."""
        for key, text, test in self._parts:
            if not test(situation):
                return f"{key}={text}"
        return None

    def holds(self, situation: Situation) -> bool:
        """Return whether all parts hold. Raises InputError for a ``$name`` that is not a parameter of the job."""
        return all(test(situation) for _, _, test in self._parts)


def parse_condition(when: object, further: Sequence[object] = ()) -> Condition | None:
    """Return `when` and the enclosing conditions `further` as one condition, or None. Raises InputError."""
    parts: list[tuple[str, str]] = []
    for each in (*further, when):
        if isinstance(each, str):
            parts.extend(_split(each))
        elif isinstance(each, Mapping):
            parts.extend((_key(key, _KEYS), _text(key, value)) for key, value in each.items() if value is not None)
        elif each is not None:
            raise InputError(f"when={each!r:.80} is neither text nor a mapping")
    return _condition(tuple(parts)) if parts else None


@lru_cache(maxsize=4096)
def _condition(parts: tuple[tuple[str, str], ...]) -> Condition:
    return Condition(parts)


def _split(text: str) -> list[tuple[str, str]]:
    """Return the parts of ``key=value key='a value'``. Blanks around ``=`` are allowed, and optional after quotes."""
    parts: list[tuple[str, str]] = []
    rest = text.strip()
    while rest:
        match = _PART.match(rest)
        if match is None:
            hint = "put quotes around the value"
            raise InputError(f"when={text!r:.80}: {rest.split()[0]!r:.40} is not key=value", hint=hint)
        value = match["value"]
        if not value.startswith(("'", '"')):
            _refuse_another(text, value)
        parts.append((_key(match["key"], _KEYS | _ALIASES), _unquoted(value)))
        rest = rest[match.end() :]
    return parts


def _refuse_another(text: str, value: str) -> None:
    """Raise InputError if the unquoted `value` contains another condition, which would go unnoticed."""
    further = _FURTHER.search(value)
    name = further[1] if further is not None and further[1] in _KEYS | _ALIASES else value.partition("=")[0]
    if "=" in value and name in _KEYS | _ALIASES and (further is not None or name in _KEYS):
        what = f"when={text!r:.80}: {name}= is a condition of its own"
        raise InputError(what, hint="separate conditions by blanks, and put quotes around their values")


def _unquoted(text: str) -> str:
    """Return `text` without all layers of quotes around the whole of it."""
    for quote in _QUOTES:
        inner = text[len(quote) : -len(quote)]
        if len(text) >= 2 * len(quote) and text.startswith(quote) and text.endswith(quote) and quote not in inner:
            return _unquoted(inner)
    return text


def _key(key: object, keys: Mapping[str, str]) -> str:
    if not isinstance(key, str) or key not in keys:
        known = "options, keywords, parameters, testname and platforms"
        raise InputError(f"when: {key!r:.80} is not a condition", hint=f"use {known}")
    return keys[key]


def _text(key: str, value: object) -> str:
    if not isinstance(value, str):
        raise InputError(f"when: the condition on {key} is {value!r:.80}, not text")
    return value


def _has_placeholder(text: str) -> bool:
    return (_PLACEHOLDER if "$" in text else _BRACES).search(text) is not None


def _test(key: str, text: str) -> "_Test":
    """Return the test of one part. Placeholders in its text are substituted for each job."""
    text = _unquoted(text)
    if not _has_placeholder(text):
        return _TESTS[key](text)

    def test(situation: Situation) -> bool:
        filled = _filled(text, situation)
        return filled is not None and _filled_test(key, _unquoted(filled))(situation)

    return test


@lru_cache(maxsize=4096)
def _filled_test(key: str, text: str) -> "_Test":
    return _TESTS[key](text)


def _filled(text: str, situation: Situation) -> str | None:
    """Return `text` with the job's parameters substituted for ``$n``, ``${n}`` or, without a ``$``, ``{n}``.

    Names may also be in capitals. Return None if a name is one of the `absent` parameters. Raises InputError for a name
    that is not a parameter.
    """
    values = {"name": situation.testname, "testname": situation.testname, **situation.parameters}
    for name in tuple(values):
        values.setdefault(name.upper(), values[name])
    absent = False

    def value(match: re.Match[str]) -> str:
        nonlocal absent
        found = match.groupdict()
        if found.get("dollar"):
            return "$"
        name = found.get("plain") or match["braced"]
        if name in values:
            return str(values[name])
        if name not in situation.absent and name not in {each.upper() for each in situation.absent}:
            raise InputError(f"when: {match.group()} in {text!r:.80} is not a parameter of the job")
        absent = True
        return ""

    filled = (_PLACEHOLDER if "$" in text else _BRACES).sub(value, text)
    return None if absent else filled


def _named(text: str, names: Callable[[Situation], Sequence[str] | frozenset[str]], *, fold: bool) -> "_Test":
    """Return a test of an expression over names, matched by fnmatch. With `fold`, case does not matter."""
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


def _on_platforms(text: str) -> "_Test":
    """Return a test of the names of the system, including those set by the site (``any`` among these matches all)."""
    if not text.strip():
        return lambda _: False
    expression = parse_expression(text)

    def test(_: Situation) -> bool:
        names = [name.lower() for name in _platforms()]
        return expression(
            lambda pattern: _ANY_PLATFORM in names or any(fnmatchcase(name, pattern.lower()) for name in names)
        )

    return test


def _platforms() -> tuple[str, ...]:
    site = [os.environ[name] for name in _SITE_VARIABLES if os.environ.get(name)]
    own = [name for name in os.environ.get(_PLATFORM_VARIABLE, "").split(",") if name]
    return (sys.platform, platform.system(), *site, *own)


_Test = Callable[[Situation], bool]
_TESTS: dict[str, Callable[[str], _Test]] = {
    "options": lambda text: _named(text, lambda situation: situation.options, fold=False),
    "keywords": lambda text: _named(text, lambda situation: situation.keywords, fold=True),
    "testname": lambda text: _named(text, lambda situation: (situation.testname,), fold=False),
    "platforms": _on_platforms,
    "parameters": _parameters,
}
