"""Substitutes names of the job in texts of a `.pyt` file: ``$n``, ``${n}`` and ``{n}``.

The names are the job's parameters and resources and ``name`` (its family), each also in capitals. ``$$`` is ``$``.
"""

import re
from collections.abc import Mapping
from typing import Any

from canary_wf.errors import InputError

_PLACEHOLDER = re.compile(
    r"\$(?:(?P<dollar>\$)|(?P<plain>[^\W\d]\w*)|\{(?P<braced>[^\W\d]\w*)\})|\{(?P<format>[^\W\d]\w*)\}"
)


class Substitution:
    """The names of one job and their texts. Floats are written as in job names."""

    def __init__(self, family: str, values: Mapping[str, Any]) -> None:
        self._texts = {key: f"{value:g}" if isinstance(value, float) else str(value) for key, value in values.items()}
        self._texts["name"] = family
        for key in list(self._texts):
            self._texts.setdefault(key.upper(), self._texts[key])

    def fill(self, text: str) -> str:
        """Return `text` with names substituted. An unknown ``$n`` stays; an unknown ``{n}`` raises InputError."""
        return _PLACEHOLDER.sub(self._text, text) if "$" in text or "{" in text else text

    def _text(self, match: re.Match[str]) -> str:
        if match["dollar"]:
            return "$"
        name = match["plain"] or match["braced"] or match["format"]
        if name in self._texts:
            return self._texts[name]
        if match["format"]:
            raise InputError(f"{{{name}}} is not known", hint=f"known are {', '.join(sorted(self._texts))}")
        return match.group()
