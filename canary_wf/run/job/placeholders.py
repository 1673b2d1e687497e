"""Placeholders for ids in commands and in values of environment variables: ``%(gpu_ids)s``, ``%(cpu_ids)s``, ….

Each stands for the ids of one resource type that the job was given, separated by commas, as in the variable
``CANARY_GPU_IDS`` and its like; it is empty when the job was given none. Any other ``%(…)s`` stays as it is, and so
does every other percent sign: nothing is to be doubled, and nothing has to be.
"""

import re
from collections.abc import Mapping

_PLACEHOLDER = re.compile(r"%\(([A-Za-z_][A-Za-z0-9_]*)_ids\)s")


def id_variable(kind: str) -> str:
    """Return the name of the variable with the ids of `kind`, a resource type with or without its plural's s."""
    return f"CANARY_{kind.upper()}_IDS"


def has_placeholder(text: str) -> bool:
    """Return whether `text` has something that looks like a placeholder."""
    return "%(" in text and _PLACEHOLDER.search(text) is not None


def expanded(text: str, ids: Mapping[str, str]) -> str:
    """Return `text` with the placeholders replaced that `ids` (by `id_variable`) knows."""
    if "%(" not in text:
        return text
    return _PLACEHOLDER.sub(lambda found: ids.get(id_variable(found[1]), found[0]), text)
