"""Parameters filled into the texts of a job file: ``${n}`` where n is one of the job's parameters, ``$$`` for ``$``."""

import re
from collections.abc import Mapping
from typing import Any

_PLACE = re.compile(r"\$(?:(\$)|\{([^{}]*)\})")


def fill(text: str, parameters: Mapping[str, Any]) -> str:
    """Return `text` with its parameters filled in, numbers in full; any other ``$…`` stays as it is."""
    if "$" not in text:
        return text

    def value(match: re.Match[str]) -> str:
        if match[1]:
            return "$"
        return str(parameters[match[2]]) if match[2] in parameters else match.group()

    return _PLACE.sub(value, text)
