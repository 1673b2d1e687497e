"""Checks a job file against its types and its JSON Schema, with messages in terms of the file.

The JSON Schema beside this module defines a job file, and every message comes from it. Validation with it takes ten
times as long as with the types here. It is therefore used only for files that do not match these types. A file that
matches them is valid by the schema.
"""

import json
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from canary_wf.errors import MOST_TOLD, InputError, MistakeList
from canary_wf.files.documents import Document

_Text = Annotated[str, Meta(pattern=r"\S")]
_Name = Annotated[str, Meta(pattern=r"^(?!\.{1,2}(?:/|$))[\w.=+@,-]+(?:/(?!\.{1,2}(?:/|$))[\w.=+@,-]+)*$(?!\n)")]
_Parameter = Annotated[str, Meta(pattern=r"^[^\W\d]\w*$(?!\n)")]
_Variable = Annotated[str, Meta(pattern=r"^[^=]+$")]
_FurtherType = Annotated[str, Meta(pattern=r"^(?!(?:cpus|gpus|nodes|memory)$)[^\n]*\S")]
_FromOne = Annotated[int, Meta(ge=1)]
_FromZero = Annotated[int, Meta(ge=0)]
_Amount = str | Annotated[float, Meta(gt=0)]
_Words = list[_Text]


class _Depends(msgspec.Struct, forbid_unknown_fields=True):
    job: _Text
    when: _Text | UnsetType = UNSET
    expects: Literal["+", "?", "*"] | _FromOne | UnsetType = UNSET


class _Artifact(msgspec.Struct, forbid_unknown_fields=True):
    file: _Text
    save_on: Literal["always", "success", "failure"] | UnsetType = UNSET


class _Job(msgspec.Struct, forbid_unknown_fields=True):
    name: _Name
    command: _Text | Annotated[list[str | float], Meta(min_length=1)]
    cpus: _FromOne | UnsetType = UNSET
    gpus: _FromZero | UnsetType = UNSET
    nodes: _FromOne | UnsetType = UNSET
    memory: _Amount | UnsetType = UNSET
    output_limit: _Amount | UnsetType = UNSET
    resources: dict[_FurtherType, _FromZero] | UnsetType = UNSET
    timeout: _Amount | UnsetType = UNSET
    runtime: _Amount | UnsetType = UNSET
    keywords: _Words | UnsetType = UNSET
    owners: _Words | UnsetType = UNSET
    parameters: dict[_Parameter, Annotated[list[str | float | bool | None], Meta(min_length=1)]] | UnsetType = UNSET
    environment: dict[_Variable, str | float] | UnsetType = UNSET
    copy: _Words | UnsetType = UNSET
    link: _Words | UnsetType = UNSET
    depends_on: list[_Text | _Depends] | UnsetType = UNSET
    exclusive: bool | UnsetType = UNSET
    xfail: bool | Annotated[int, Meta(ge=0, le=255)] | UnsetType = UNSET
    artifacts: list[_Artifact] | UnsetType = UNSET


class _File(msgspec.Struct, forbid_unknown_fields=True):
    jobs: Annotated[list[_Job], Meta(min_length=1)]


def is_well_formed(value: Any) -> bool:  # noqa: ANN401 - what a YAML file holds
    """Return True if the content of a job file is certainly valid. If False, the schema has to decide."""
    try:
        msgspec.convert(value, _File)
    except (msgspec.ValidationError, OverflowError, RecursionError):
        return False
    return True


SCHEMA_FILE = Path(__file__).with_name("jobs.schema.json")

Keys = tuple[str | int, ...]

_MEANINGS = {
    **dict.fromkeys(("after", "dependencies", "depends", "needs", "requires"), "depends_on"),
    **dict.fromkeys(("cmd", "exec", "run", "script"), "command"),
    **dict.fromkeys(("cores", "np", "processes", "processors", "procs", "threads"), "cpus"),
    **dict.fromkeys(("env", "variables", "vars"), "environment"),
    **dict.fromkeys(("files", "inputs"), "copy"),
    **dict.fromkeys(("label", "labels", "markers", "marks", "tag", "tags"), "keywords"),
    **dict.fromkeys(("limit", "time", "time_limit", "walltime"), "timeout"),
    **dict.fromkeys(("matrix", "params", "parametrize"), "parameters"),
    **dict.fromkeys(("mem", "ram"), "memory"),
    **dict.fromkeys(("outputs", "results"), "artifacts"),
}
"""What other programs call what a key here does."""

_TYPE_NAMES = {
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
    "environment": "a name without =",
}


def check_job_file(loaded: Document, mistakes: MistakeList) -> dict[int, dict[str, Any]]:
    """Return the valid jobs in `loaded` by their number, and add the mistakes in the others to `mistakes`.

    Raises MistakesError or InputError, with file, line and key path, if the file has no list of jobs.
    """
    if loaded.value is None:
        raise InputError("is empty", where=loaded.file, hint="it needs the key 'jobs'")
    if isinstance(loaded.value, list):
        raise loaded.error((), "begins with a list", "write jobs: above it")
    if loaded.is_checked or is_well_formed(loaded.value):
        return dict(enumerate(_jobs(loaded)))
    doubtful = _doubtful_entries(loaded.value)
    if not doubtful:
        check_document(loaded, _schema())
        return dict(enumerate(_jobs(loaded)))
    # The schema takes ten times as long as the types, so it gets only the entries that do not match these.
    errors = _errors({"jobs": [_jobs(loaded)[number] for number in doubtful]}, _schema())
    for error in errors:
        error.path[1] = doubtful[error.path[1]]
    found = _told(loaded, errors).as_error()
    if found is not None:
        mistakes.add(found)
    wrong = {error.path[1] for error in errors}
    return {number: job for number, job in enumerate(_jobs(loaded)) if number not in wrong}


def _doubtful_entries(value: Any) -> list[int]:  # noqa: ANN401 - what a YAML file holds
    """Return the numbers of the entries that may not be valid; none if the file has another form as a whole."""
    if not isinstance(value, dict) or set(value) != {"jobs"} or not isinstance(value["jobs"], list):
        return []
    return [number for number, entry in enumerate(value["jobs"]) if not _is_valid_entry(entry)]


def _is_valid_entry(entry: object) -> bool:
    try:
        msgspec.convert(entry, _Job)
    except (msgspec.ValidationError, OverflowError, RecursionError):
        return False
    return True


def check_document(loaded: Document, schema: dict[str, Any]) -> None:
    """Raise InputError with line and key path if `loaded` does not fit the schema, MistakesError for several errors."""
    _told(loaded, _errors(loaded.value, schema)).raise_any()


def _errors(value: object, schema: dict[str, Any]) -> list[Any]:
    """Return the errors of `value` by the JSON Schema, by their place."""
    from jsonschema import Draft202012Validator

    errors = Draft202012Validator(schema).iter_errors(value)
    return sorted(errors, key=lambda error: [str(key).zfill(9) for key in error.absolute_path])


def _told(loaded: Document, errors: Sequence[Any]) -> MistakeList:
    """Return `errors` in words. Finding the place of one takes time, so that only the first ones have it."""
    found = MistakeList()
    for error in errors[:MOST_TOLD]:
        for each in _as_errors(loaded, error):
            found.add(each)
    found.more = max(0, len(errors) - MOST_TOLD)
    return found


def _jobs(loaded: Document) -> list[dict[str, Any]]:
    assert isinstance(loaded.value, dict)
    jobs: list[dict[str, Any]] = loaded.value["jobs"]
    return jobs


@cache
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return schema


def _as_errors(loaded: Document, error: Any) -> list[InputError]:  # noqa: ANN401 - a jsonschema error
    """Return `error` in words; one about keys that are not known stands for each of them."""
    if error.validator == "additionalProperties":
        return _unknown_keys(loaded, tuple(error.absolute_path), error)
    return [_as_error(loaded, error)]


def _as_error(loaded: Document, error: Any) -> InputError:  # noqa: ANN401 - a jsonschema error
    keys = tuple(error.absolute_path)
    special = {"additionalProperties": _unknown_key, "oneOf": _nearest, "type": _wrong_type}.get(error.validator)
    if special is not None:
        return special(loaded, keys, error)
    if error.validator in _PHRASES:
        return loaded.error(keys, _PHRASES[error.validator](error))
    return _misfit(loaded, keys, error.instance)


def _missing(error: Any) -> str:  # noqa: ANN401 - a jsonschema error
    missing = [repr(key) for key in error.validator_value if key not in error.instance]
    return f"the key {missing[0]} is missing" if len(missing) == 1 else f"the keys {' and '.join(missing)} are missing"


_PHRASES: dict[str, Callable[[Any], str]] = {
    "required": _missing,
    "minimum": lambda error: f"{error.instance} is below {error.validator_value}",
    "exclusiveMinimum": lambda error: f"{error.instance} is not above {error.validator_value}",
    "maximum": lambda error: f"{error.instance} is above {error.validator_value}",
    "minItems": lambda _: "this list is empty",
    "enum": lambda error: f"{error.instance!r:.80} is not one of {', '.join(error.validator_value)}",
    "not": lambda error: f"{error.instance!r:.80} has a key of its own, outside of resources",
}


def _unknown_key(loaded: Document, keys: Keys, error: Any) -> InputError:  # noqa: ANN401 - a jsonschema error
    return _unknown_keys(loaded, keys, error)[0]


def _unknown_keys(loaded: Document, keys: Keys, error: Any) -> list[InputError]:  # noqa: ANN401 - a jsonschema error
    known = list(error.schema["properties"])
    found = []
    for extra in (key for key in error.instance if key not in known):
        meant = _MEANINGS.get(extra.lower())
        near = [meant] if meant in known else get_close_matches(extra, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
        found.append(loaded.error((*keys, extra), "this key is not known", hint))
    return found


def _wrong_type(loaded: Document, keys: Keys, error: Any) -> InputError:  # noqa: ANN401 - a jsonschema error
    quote = isinstance(error.instance, bool) and "string" in error.validator_value
    what = f"{error.instance!r:.80} is not {_type_names(error.validator_value)}"
    return loaded.error(keys, what, "put quotes around it" if quote else None)


def _misfit(loaded: Document, keys: Keys, value: object) -> InputError:
    form = next((text for key, text in _PATTERNS.items() if key in map(str, keys)), None)
    if not str(value).strip():
        return loaded.error(keys, "this text is empty")
    return loaded.error(keys, f"{value!r:.80} is not allowed", None if form is None else f"use {form}")


def _nearest(loaded: Document, keys: Keys, error: Any) -> InputError:  # noqa: ANN401 - a jsonschema error
    """Return the error of the alternative closest to the value: one whose type matches, else all types."""
    closer = [each for each in error.context if not (each.validator == "type" and len(each.path) == 0)]
    if closer:
        return _as_error(loaded, min(closer, key=lambda each: each.validator == "enum"))
    types = [each.validator_value for each in error.context if each.validator == "type"]
    return loaded.error(keys, f"{error.instance!r:.80} is not {_type_names(types)}")


def _type_names(types: str | list[str]) -> str:
    return " or ".join(_TYPE_NAMES[kind] for kind in ([types] if isinstance(types, str) else types))
