"""What a test file says about one dependency, in any of its forms, as requests of one shape."""

import shlex
from typing import Any

import msgspec

from canary_wf.errors import InputError
from canary_wf.verdict.dependency_condition import ON_SUCCESS, check_when

_KEYS = {"job", "when", "expects"}


class DependencyArguments(msgspec.Struct, frozen=True):
    """One dependency: patterns that together must match as many jobs as `expects` says, and the verdict needed."""

    patterns: tuple[str, ...]
    when: str = ON_SUCCESS
    expects: str | int = "+"


def dependency_arguments(
    value: object, expect: object = None, result: object = None, *, split: bool = True
) -> list[DependencyArguments]:
    """Return what `value` (a text, a mapping or a list of both) asks for. Raises InputError.

    `expect` and `result` are older keyword arguments, which go with a single text. With `split`, a text is several
    patterns, split as a shell splits words.
    """
    if isinstance(value, list):
        _no_older(expect, result)
        return [_one(each, split=split) for each in value]
    if isinstance(value, str):
        older = {"expects": expect, "when": result}
        given = {key: each for key, each in older.items() if each is not None}
        return [_one({"job": value, **given}, split=split)]
    _no_older(expect, result)
    return [_one(value, split=split)]


def _no_older(expect: object, result: object) -> None:
    if expect is not None or result is not None:
        raise InputError("expect= and result= go with a single text", hint="write {'job': …, 'when': …, 'expects': …}")


def _one(value: object, *, split: bool) -> DependencyArguments:
    if isinstance(value, str):
        return DependencyArguments(_patterns(value, split=split))
    if not isinstance(value, dict):
        raise InputError(f"{value!r:.80} is neither text nor a mapping")
    unknown = sorted(set(value) - _KEYS)
    if unknown:
        raise InputError(f"{unknown[0]!r} is not known", hint="use job, when and expects")
    if "job" not in value:
        raise InputError("the key 'job' is missing")
    return DependencyArguments(
        _patterns(value["job"], split=split), _when(value.get("when")), _expects(value.get("expects", "+"))
    )


def _patterns(value: object, *, split: bool) -> tuple[str, ...]:
    if not isinstance(value, str):
        raise InputError(f"job {value!r:.80} is not text")
    try:
        patterns = tuple(shlex.split(value)) if split else (value,)
    except ValueError as error:
        raise InputError(f"{value!r:.80} is not understood ({error})") from None
    if not all(patterns) or not patterns:
        raise InputError("no job is named")
    return patterns


def _when(value: Any) -> str:  # noqa: ANN401 - checked here
    if value is None:
        return ON_SUCCESS
    if not isinstance(value, str):
        raise InputError(f"when {value!r:.80} is not text")
    return check_when(value)


def _expects(value: object) -> str | int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise InputError(f"expects {value!r:.80} is neither '+', '?', '*' nor a number")
    if isinstance(value, str) and value not in {"+", "?", "*"}:
        raise InputError(f"expects {value!r:.80} is neither '+', '?', '*' nor a number")
    if isinstance(value, int) and value < 1:
        raise InputError(f"expects {value} is below 1")
    return value
