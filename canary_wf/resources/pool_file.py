"""Resource pools in YAML and JSON files, including CTest's format; errors name the file and line."""

import json
import re
from pathlib import Path
from typing import Any

from canary_wf.files.documents import json_document, read_text, yaml_document
from canary_wf.resources.layout import LayoutError
from canary_wf.resources.pool import ResourcePool

_TEXT = r'(?P<text>"(?:[^"\\]|\\.)*+"?)'
_COMMENT = re.compile(rf"{_TEXT}|//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_LAST_COMMA = re.compile(rf"{_TEXT}|,(?P<end>\s*[\]}}])", re.DOTALL)


def read_pool_file(path: Path) -> ResourcePool:
    """Return the pool in the file; ``*.json`` is read as JSON, other files as JSON if they are JSON, else as YAML.

    JSON may have comments and trailing commas, as in CTest.

    Raises InputError with the file, and the line if known, for a file that cannot be read or is not valid, for
    duplicate keys or ids, negative slots, and values of the wrong type.
    """
    text = read_text(path)
    if path.suffix.lower() == ".json" or _is_json(text):
        document = json_document(str(path), _plain_json(text))
    else:
        document = yaml_document(str(path), text)
    try:
        pool = ResourcePool(_filled(document.value))
        pool.count("nodes")  # looked at here, where the file is known
    except LayoutError as error:
        raise document.error(error.path, error.what) from None
    return pool


def _filled(data: object) -> Any:  # noqa: ANN401 - the pool checks the form
    if not data:
        raise LayoutError("holds no resource pool", ())
    return data


def _is_json(text: str) -> bool:
    """Return whether a file that is not called so is JSON; YAML would take offence at its tabs and comments."""
    if not text.lstrip().startswith(("{", "/")):
        return False
    try:
        json.loads(_plain_json(text))
    except (ValueError, RecursionError):
        return False
    return True


def _plain_json(text: str) -> str:
    """Return JSON without comments and without commas behind the last item, on the same lines."""
    plain = _COMMENT.sub(lambda found: found["text"] or "\n" * found[0].count("\n"), text)
    return _LAST_COMMA.sub(lambda found: found["text"] or found["end"], plain)
