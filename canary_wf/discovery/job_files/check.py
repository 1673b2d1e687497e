"""A job file checked against its JSON Schema, and the schema's complaints in words of the file."""

import json
from collections.abc import Callable
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from canary_wf.discovery.job_files.form import is_well_formed
from canary_wf.discovery.job_files.load import LoadedFile
from canary_wf.errors import InputError

SCHEMA_FILE = Path(__file__).with_name("jobs.schema.json")

Keys = tuple[str | int, ...]

_KINDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "array": "a list",
    "object": "a mapping",
    "boolean": "true or false",
    "null": "null",
}
_PATTERNS = {
    "name": "components of letters, digits and . _ - = + @ , joined by /",
    "parameters": "letters, digits and _, the first no digit",
    "environment": "without =",
}


def check_job_file(loaded: LoadedFile) -> list[dict[str, Any]]:
    """Return the jobs in `loaded`. Raises InputError about the first mistake, with file, line and key path."""
    if loaded.value is None:
        raise InputError("is empty", where=loaded.file, hint="it needs the key 'jobs'")
    if is_well_formed(loaded.value):
        return _jobs(loaded)
    mistake = complaint(loaded, _schema())
    if mistake is not None:
        raise mistake
    return _jobs(loaded)


def complaint(loaded: LoadedFile, schema: dict[str, Any]) -> InputError | None:
    """Return what is wrong with `loaded` by the JSON Schema, with its line and key path: the first mistake, or None."""
    from jsonschema import Draft202012Validator

    errors = list(Draft202012Validator(schema).iter_errors(loaded.value))
    if not errors:
        return None
    return _told(loaded, min(errors, key=lambda error: [str(key).zfill(9) for key in error.absolute_path]))


def _jobs(loaded: LoadedFile) -> list[dict[str, Any]]:
    assert isinstance(loaded.value, dict)
    jobs: list[dict[str, Any]] = loaded.value["jobs"]
    return jobs


@cache
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return schema


def _told(loaded: LoadedFile, error: Any) -> InputError:  # noqa: ANN401 - a jsonschema error
    keys = tuple(error.absolute_path)
    special = {"additionalProperties": _unknown_key, "oneOf": _nearest, "type": _wrong_kind}.get(error.validator)
    if special is not None:
        return special(loaded, keys, error)
    if error.validator in _PHRASES:
        return loaded.error(keys, _PHRASES[error.validator](error))
    return _misfit(loaded, keys, error.instance)


_PHRASES: dict[str, Callable[[Any], str]] = {
    "required": lambda error: f"the key {_missing(error)!r} is missing",
    "minimum": lambda error: f"{error.instance} is below {error.validator_value}",
    "exclusiveMinimum": lambda error: f"{error.instance} is not above {error.validator_value}",
    "maximum": lambda error: f"{error.instance} is above {error.validator_value}",
    "minItems": lambda _: "this list is empty",
    "enum": lambda error: f"{error.instance!r:.80} is not one of {', '.join(error.validator_value)}",
    "not": lambda error: f"{error.instance!r:.80} has a key of its own, outside of resources",
}


def _missing(error: Any) -> str:  # noqa: ANN401 - a jsonschema error
    return next(str(key) for key in error.validator_value if key not in error.instance)


def _unknown_key(loaded: LoadedFile, keys: Keys, error: Any) -> InputError:  # noqa: ANN401 - a jsonschema error
    known = list(error.schema["properties"])
    extra = next(key for key in error.instance if key not in known)
    near = get_close_matches(extra, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    return loaded.error((*keys, extra), "this key is not known", hint)


def _wrong_kind(loaded: LoadedFile, keys: Keys, error: Any) -> InputError:  # noqa: ANN401 - a jsonschema error
    quote = isinstance(error.instance, bool) and "string" in error.validator_value
    what = f"{error.instance!r:.80} is not {_kinds(error.validator_value)}"
    return loaded.error(keys, what, "put quotes around it" if quote else None)


def _misfit(loaded: LoadedFile, keys: Keys, value: object) -> InputError:
    form = next((text for key, text in _PATTERNS.items() if key in map(str, keys)), None)
    if not str(value).strip():
        return loaded.error(keys, "this text is empty")
    return loaded.error(keys, f"{value!r:.80} is not allowed", None if form is None else f"use {form}")


def _nearest(loaded: LoadedFile, keys: Keys, error: Any) -> InputError:  # noqa: ANN401 - a jsonschema error
    """Return the complaint of the form that the value comes closest to: one whose type fits, else all types."""
    closer = [each for each in error.context if not (each.validator == "type" and len(each.path) == 0)]
    if closer:
        return _told(loaded, min(closer, key=lambda each: each.validator == "enum"))
    kinds = [each.validator_value for each in error.context if each.validator == "type"]
    return loaded.error(keys, f"{error.instance!r:.80} is not {_kinds(kinds)}")


def _kinds(kinds: str | list[str]) -> str:
    return " or ".join(_KINDS[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds))
