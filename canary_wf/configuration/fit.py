"""A quick answer to whether a value keeps to the configuration's schema; what it complains of is `jsonschema`'s to say.

Importing `jsonschema` takes longer than `canary-wf status` may. Only what the schema of the configuration is made of is
known here.
"""

import re
from collections.abc import Mapping
from typing import Any

_TYPES = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


def fits(value: object, schema: Mapping[str, Any]) -> bool:
    """Return True for a value that keeps to `schema`; when False, `jsonschema` has to be asked."""
    if "type" in schema and not _is_of(value, schema["type"]):
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    return _parts_fit(value, schema)


def _parts_fit(value: object, schema: Mapping[str, Any]) -> bool:
    if isinstance(value, str):
        return re.search(schema.get("pattern", ""), value) is not None
    if isinstance(value, list):
        items = schema.get("items", {})
        return len(value) >= schema.get("minItems", 0) and all(fits(each, items) for each in value)
    if isinstance(value, dict):
        return all(_entry_fits(name, part, schema) for name, part in value.items())
    if isinstance(value, int | float) and not isinstance(value, bool):
        return bool(value >= schema.get("minimum", value) and value > schema.get("exclusiveMinimum", value - 1))
    return True


def _is_of(value: object, kinds: str | list[str]) -> bool:
    names = [kinds] if isinstance(kinds, str) else kinds
    if isinstance(value, bool):
        return "boolean" in names
    return any(isinstance(value, _TYPES[name]) for name in names)


def _entry_fits(name: str, value: object, schema: Mapping[str, Any]) -> bool:
    further = schema.get("additionalProperties", True)
    part = schema.get("properties", {}).get(name, further)
    return bool(part) if isinstance(part, bool) else fits(value, part)
