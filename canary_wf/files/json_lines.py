"""Finds the lines of parts of a JSON text, which Python's decoder does not tell."""

import json
import re

_SPACE = re.compile(r"[ \t\n\r]*")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]', re.DOTALL)
_COLON = re.compile(r"[ \t\n\r]*:")
_decode = json.JSONDecoder().raw_decode


def line_of(text: str, keys: tuple[str | int, ...]) -> int:
    """Return the line, from 1, of the part of `text` at `keys`, or of the nearest part around it.

    That is the line of a key in an object, and of the element in a list. `text` has to be valid JSON.
    """
    position = found = _after_space(text, 0)
    for key in keys:
        inner = _member(text, position, key) if isinstance(key, str) else _element(text, position, key)
        if inner is None:
            break
        found, position = inner
    return _line(text, found)


def line_of_repeated(text: str, key: str) -> int | None:
    """Return the line, from 1, where an object of `text` has `key` for the second time, or None."""
    seen: list[bool] = []
    for token in _TOKEN.finditer(text):
        mark = token.group()
        if mark == "{":
            seen.append(False)
        elif mark == "[":
            seen.append(True)  # no string in a list is followed by a colon
        elif mark in "}]":
            seen.pop()
        elif _COLON.match(text, token.end()) and json.loads(mark, strict=False) == key:
            if seen[-1]:
                return _line(text, token.start())
            seen[-1] = True
    return None


def _member(text: str, position: int, wanted: str) -> tuple[int, int] | None:
    """Return where the key `wanted` of the object at `position` is, and its value; None if there is neither."""
    if text[position] != "{":
        return None
    at = _after_space(text, position + 1)
    while text[at] == '"':
        key, end = _decode(text, at)
        value = _after_space(text, _after_space(text, end) + 1)
        if key == wanted:
            return at, value
        at = _behind(text, value)
    return None


def _element(text: str, position: int, number: int) -> tuple[int, int] | None:
    """Return where the element `number` of the list at `position` is, twice; None if there is none."""
    if text[position] != "[":
        return None
    at = _after_space(text, position + 1)
    for _ in range(number):
        if text[at] == "]":
            return None
        at = _behind(text, at)
    return None if text[at] == "]" else (at, at)


def _behind(text: str, position: int) -> int:
    """Return where the next element begins after the value at `position`, or where the list or object ends."""
    _, end = _decode(text, position)
    end = _after_space(text, end)
    return _after_space(text, end + 1) if text[end] == "," else end


def _after_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    assert found is not None
    return found.end()


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
