"""Finds what is valid in an entry of a job file and yet hardly meant: unknown placeholders, what only a shell acts on.

No shell runs a command unless it names one, and only parameters are substituted. Both are reported as warnings, because
a program may well take such words.
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
_VARIABLE = re.compile(r"(?<![\\$])\$([A-Za-z_]\w*)")
_PATTERN = re.compile(r"(?:^|(?<=\s))~(?:[\w-]*(?=[/\s]|$))|\S*\*\S*")
_PROCESS_ID = re.compile(r"(?<!\$)\$\$(?![\w${(?!@*#])")


def doubts(entry: dict[str, Any], words: Sequence[str]) -> tuple[str, ...]:
    """Return the warnings about an `entry` of a job file, whose command has these `words`."""
    command = entry.get("command")
    text = "\0".join(words)
    if not isinstance(command, str) and entry.keys().isdisjoint(_FILLED) and "${" not in text and "$$" not in text:
        return ()  # as most entries of long files are
    return (*_placeholders(entry, words), *_for_a_shell(entry, words), *_process_ids(words))


def _placeholders(entry: dict[str, Any], words: Sequence[str]) -> Iterator[str]:
    """Yield a warning for each placeholder that does not name a parameter, but for those in a shell's script."""
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
            yield f"{key} has ${{{name}}}, which is not a parameter and stays as it is; {hint}"


def _texts(entry: dict[str, Any], words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the texts in which parameters are substituted, each with the key that it belongs to."""
    for word in words:
        yield "command", word
        if _is_shell(word):
            break  # what follows is for the shell, which has variables of its own
    for name, value in entry.get("environment", {}).items():
        yield f"environment.{name}", str(value)
    for key in ("copy", "link"):
        for text in entry.get(key, ()):
            yield key, text
    for each in entry.get("artifacts", ()):
        yield "artifacts", each["file"]


def _for_a_shell(entry: dict[str, Any], words: Sequence[str]) -> Iterator[str]:
    """Yield a warning if a command that is one text has something outside of quotes that only a shell would act on."""
    command = entry.get("command")
    if not isinstance(command, str) or _is_shell(words[0]):
        return
    bare = _QUOTED.sub("''", command)
    found = _OPERATOR.search(bare)
    if found is None and not any(map(_is_shell, words)):
        # A shell expands variables between double quotes, too.
        variable = _VARIABLE.search(_QUOTED.sub(lambda quoted: quoted[0] if quoted[0][0] == '"' else "''", command))
        if variable is not None:
            is_parameter = variable[1] in entry.get("parameters", {})
            hint = f"did you mean ${{{variable[1]}}}?" if is_parameter else _hint(f"write ${variable[0]}")
            yield f"no shell runs the command, so {variable[0]!r} stays as it is; {hint}"
        found = _PATTERN.search(bare)
    if found is not None:
        yield f"no shell runs the command, so {found[0]!r} stays as it is; {_hint('quote it')}"


def _hint(otherwise: str) -> str:
    return f"for a shell write [sh, -c, …], else {otherwise}"


def _process_ids(words: Sequence[str]) -> Iterator[str]:
    """Yield a warning if a shell is to get its process id, of whose two dollars one is left."""
    number = next((number for number, word in enumerate(words) if _is_shell(word)), len(words))
    if any(_PROCESS_ID.search(word) for word in words[number:]):
        yield "command has $$, of which one $ is left; write $$$$ for the process id of the shell, $ for a dollar"


def _is_shell(word: str) -> bool:
    return posixpath.basename(word) in _SHELLS
