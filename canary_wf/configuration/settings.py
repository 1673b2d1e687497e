"""Reads the configuration: the file, checked against its schema, and the variables, which override it key by key.

Importing `jsonschema` takes longer than `canary-wf status` may take. `fits` therefore implements the few features of
JSON Schema that the schema of the configuration uses.
"""

import os
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec

from canary_wf.configuration.keys import PREFIX, Key, Value, configuration_schema, key_of, known_keys
from canary_wf.configuration.values import check_value
from canary_wf.discovery.job_files.check import check_document
from canary_wf.errors import InputError
from canary_wf.files.documents import Document, load_document

_TYPES = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


def fits(value: object, schema: Mapping[str, Any]) -> bool:
    """Return True if `value` is certainly valid by `schema`. If False, `jsonschema` has to decide."""
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


def _is_of(value: object, names_of_types: str | list[str]) -> bool:
    names = [names_of_types] if isinstance(names_of_types, str) else names_of_types
    if isinstance(value, bool):
        return "boolean" in names
    return any(isinstance(value, _TYPES[name]) for name in names)


def _entry_fits(name: str, value: object, schema: Mapping[str, Any]) -> bool:
    further = schema.get("additionalProperties", True)
    part = schema.get("properties", {}).get(name, further)
    return bool(part) if isinstance(part, bool) else fits(value, part)


FILE = "canary-wf.yaml"
FILE_VARIABLE = f"{PREFIX}CONFIG"
_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


class Setting(msgspec.Struct, frozen=True):
    """The configured value of a key, and its source: ``file:line`` or the name of a variable.

    Paths are relative to the current folder.
    """

    key: Key
    value: Value
    source: str


def read_settings(file: Path | None, environment: Mapping[str, str]) -> dict[str, Setting]:
    """Return the settings of `file` (if there is one) and of the variables, by the names of the keys.

    Raises InputError with file and line, or with the variable.
    """
    found = {} if file is None else _from_file(file)
    found |= _from_variables(environment)
    for name, setting in found.items():
        check_value(name, setting.value, setting.source)
    return found


def find_file(environment: Mapping[str, str], folder: Path) -> Path | None:
    """Return the configuration file: the one that `CANARY_WF_CONFIG` names, else the nearest one at or above `folder`.

    The search ends at the top of the Git repository, or at `folder` outside a repository.
    """
    named = environment.get(FILE_VARIABLE)
    if named:
        return Path(named)
    inside = [folder, *folder.parents]
    top = next((number for number, parent in enumerate(inside) if (parent / ".git").exists()), 0)
    return next((parent / FILE for parent in inside[: top + 1] if (parent / FILE).is_file()), None)


_WITHOUT_KEY = (
    *("CONFIG", "TRUST", "ALLOW_LOCAL", "LEASE_DIR", "HEARTBEAT", "PROGRESS", "SUBMIT_SECONDS", "QUEUE_SECONDS"),
    *("READING_MEMORY", "CTEST_TIMEOUT", "JOB", "ATTEMPT", "READING", "PYTHON", "CALLER"),
)
"""The variables that belong to no key, without PREFIX."""

_ALIKE = 0.75


def unknown_variables(environment: Mapping[str, str]) -> dict[str, str | None]:
    """Return the variables that begin like a section or look like a known one, but are not known.

    Each has the variable that it may be meant for, or None.
    """
    own = [name for name in environment if name.startswith(PREFIX)]
    strange = [name for name in own if _variable_key(name) is None and not _is_without_key(name)]
    if not strange:
        return {}
    known = [*(key.variable.removeprefix(PREFIX) for key in known_keys() if not key.is_open), *_WITHOUT_KEY]
    sections = tuple(f"{name.upper()}_" for name in configuration_schema()["properties"])
    found = {}
    for name in sorted(strange):
        plain = name.removeprefix(PREFIX)
        near = get_close_matches(plain, known, n=1, cutoff=_ALIKE)
        if near or plain.startswith(sections):
            found[name] = f"{PREFIX}{near[0]}" if near else None
    return found


def _is_without_key(name: str) -> bool:
    plain = name.removeprefix(PREFIX)
    return plain in _WITHOUT_KEY or plain.startswith("CALLER")


def _from_file(file: Path) -> dict[str, Setting]:
    loaded = load_document(os.path.relpath(file))
    if loaded.value is None:
        return {}
    if not fits(loaded.value, configuration_schema()):
        check_document(loaded, configuration_schema())
    assert isinstance(loaded.value, dict)
    found = {}
    for section, part in loaded.value.items():
        whole = next((key for key in known_keys() if key.name == section), None)
        entries = {section: part} if whole else {f"{section}.{name}": value for name, value in part.items()}
        for name, value in entries.items():
            key = key_of(name)
            source = loaded.place(tuple(name.split(".", 1)))
            found[name] = Setting(key, _below(value, file.parent, key.path_endings), source)
    return found


def _below(value: Value, folder: Path, endings: tuple[str, ...]) -> Value:
    """Return `value` with its paths, recognised by `endings`, relative to the current folder instead of `folder`."""
    if isinstance(value, list):
        return [str(_below(each, folder, endings)) for each in value]
    if isinstance(value, dict):
        return {name: _below(each, folder, endings) for name, each in value.items()}
    if not isinstance(value, str) or not value.endswith(endings) or os.path.isabs(value):  # noqa: PTH117 - text in, text out
        return value
    return value if folder.resolve() == Path.cwd() else os.path.relpath(folder / value)


def _from_variables(environment: Mapping[str, str]) -> dict[str, Setting]:
    found = {}
    for variable in sorted(environment):
        key = _variable_key(variable) if variable.startswith(PREFIX) else None
        if key is not None:
            found[key.name] = Setting(key, _typed(environment[variable], key, variable), variable)
    return found


def _variable_key(variable: str) -> Key | None:
    for key in known_keys():
        if variable == key.variable and not key.is_open:
            return key
    for key in known_keys():
        if key.is_open and variable.startswith(key.variable) and variable != key.variable:
            return key.named(variable.removeprefix(key.variable).lower())
    return None


def _typed(text: str, key: Key, variable: str) -> Value:
    value = _converted(text, key.schema.get("type"))
    schema = {name: part for name, part in key.schema.items() if not name.startswith("x-")}
    if not fits(value, schema):
        check_document(Document(variable, "", value, None), schema)
        raise InputError("is not understood", where=variable)
    return value


def _converted(text: str, json_type: Any) -> Value:  # noqa: ANN401 - a JSON Schema's type
    """Return `text` converted to the type. Text that cannot be converted stays, and the check refuses it."""
    if json_type == "array":
        return [part for part in text.split(os.pathsep) if part]
    if json_type == "object":
        pairs = (part.partition(":") for part in text.split(","))
        return {name.strip(): _number(number.strip()) for name, _, number in pairs}
    if json_type == "boolean":
        return _WORDS.get(text.lower(), text)
    return _number(text) if json_type == "integer" else text


def _number(text: str) -> int | str:
    """Return `text` as a whole number of 64 bits, else the text itself."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else text  # noqa: PLR2004 - 64 bits


def defaults_of(settings: Iterable[Setting]) -> dict[str, Any]:
    """Return the values of options by the names of their parameters: a tuple of texts for ``KEY=VALUE`` options."""
    found: dict[str, Any] = {}
    for setting in settings:
        key = setting.key
        if key.pair is not None:
            found[key.parameter] = (*found.get(key.parameter, ()), f"{key.pair}={as_text(setting.value)}")
        elif isinstance(setting.value, dict):
            found[key.parameter] = tuple(f"{name}={value}" for name, value in setting.value.items())
        else:
            found[key.parameter] = tuple(setting.value) if isinstance(setting.value, list) else setting.value
    return found


def as_text(value: Value) -> str:
    """Return `value` as it is written on a command line."""
    if isinstance(value, dict):
        return ",".join(f"{name}:{number}" for name, number in value.items())
    if isinstance(value, bool):
        return str(value).lower()
    return " ".join(value) if isinstance(value, list | tuple) else str(value)
