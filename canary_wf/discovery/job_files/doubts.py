"""Finds what is valid in an entry of a job file and yet hardly meant: placeholders of no parameter, shell operators.

No shell runs a command unless it names one, and only parameters are substituted. Both are told as warnings, because a
program may well take such words.
"""

import posixpath
import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any

_PLACEHOLDER = re.compile(r"\$(?:\$|\{([^\W\d]\w*)\})")
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh", "csh", "tcsh", "fish"})
_FILLED = frozenset({"environment", "copy", "link", "artifacts"})
"""The keys, beside the command, in whose texts parameters are substituted."""

_QUOTED = re.compile(r"""\\.|'[^']*'|"(?:[^"\\]|\\.)*\"""", re.DOTALL)
_OPERATOR = re.compile(r"(?:^|(?<=\s))(?:&&|\|\|?|&|;|<<?|[12&]?>>?(?:&[12])?)|;(?=\s|$)|\$\(|`")


def doubts(entry: dict[str, Any], words: Sequence[str]) -> tuple[str, ...]:
    """Return the warnings about an `entry` of a job file, whose command has these `words`."""
    command = entry.get("command")
    if not isinstance(command, str) and entry.keys().isdisjoint(_FILLED) and "${" not in "\0".join(words):
        return ()  # as most entries of long files are
    return (*_placeholders(entry, words), *_operators(command, words))


def _placeholders(entry: dict[str, Any], words: Sequence[str]) -> Iterator[str]:
    """Yield a warning for each placeholder that names no parameter, but for those in a shell's script."""
    if not any("${" in text for _, text in _texts(entry, words)):
        return
    parameters = list(entry.get("parameters", {}))
    for key, text in _texts(entry, words):
        for match in _PLACEHOLDER.finditer(text):
            name = match[1]
            if name is None or name in parameters:
                continue
            near = get_close_matches(name, parameters, n=1)
            hint = f"did you mean ${{{near[0]}}}?" if near else f"write $${{{name}}} if it is meant to"
            yield f"{key} has ${{{name}}}, which is no parameter and stays as it is; {hint}"


def _texts(entry: dict[str, Any], words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the texts in which parameters are substituted, each with the key that it belongs to."""
    for word in words:
        yield "command", word
        if posixpath.basename(word) in _SHELLS:
            break  # what follows is for the shell, which has variables of its own
    for name, value in entry.get("environment", {}).items():
        yield f"environment.{name}", str(value)
    for key in ("copy", "link"):
        for text in entry.get(key, ()):
            yield key, text
    for each in entry.get("artifacts", ()):
        yield "artifacts", each["file"]


def _operators(command: object, words: Sequence[str]) -> Iterator[str]:
    """Yield a warning if a command that is one text has something outside of quotes that only a shell would act on."""
    if not isinstance(command, str) or any(posixpath.basename(word) in _SHELLS for word in words[:1]):
        return
    found = _OPERATOR.search(_QUOTED.sub("''", command))
    if found is not None:
        yield f"no shell runs the command, so {found[0]!r} stays as it is; for a shell write [sh, -c, …], else quote it"
