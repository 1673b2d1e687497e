"""The keys of the configuration, from its JSON Schema, and the template of a commented `canary-wf.yaml`."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import yaml

SCHEMA_FILE = Path(__file__).with_name("configuration.schema.json")

PREFIX = "CANARY_WF_"
"""The prefix of all environment variables of this package."""

Value = str | int | float | bool | list[str] | dict[str, Any]


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One key with a value of its own, such as ``batch.spec``.

    `schema` is its part of the JSON Schema. `parameter` is the name of the value of the command-line option `option`.
    `pair` is the KEY if that option takes KEY=VALUE. The name of an `is_open` key ends in ``*`` instead of a last part
    that the user chooses. A relative value with one of `path_endings` is relative to the folder of the configuration
    file.
    """

    name: str
    schema: dict[str, Any]
    option: str
    parameter: str
    pair: str | None = None
    is_open: bool = False
    path_endings: tuple[str, ...] = ()

    @property
    def variable(self) -> str:
        """The environment variable that sets it, or the prefix of the variables of an open key."""
        return PREFIX + self.name.rstrip("*").replace(".", "_").upper()

    def named(self, last: str) -> "Key":
        """Return this open key with the last part `last`."""
        return msgspec.structs.replace(self, name=self.name.removesuffix("*") + last, pair=last, is_open=False)


@cache
def configuration_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of `canary-wf.yaml`."""
    schema: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return schema


@cache
def known_keys() -> tuple[Key, ...]:
    """Return all keys, in the order of the schema."""
    found: list[Key] = []
    for name, part in configuration_schema()["properties"].items():
        found += [_key(f"{name}.{inner}", schema) for inner, schema in part.get("properties", {}).items()]
        if part.get("x-pairs"):
            found.append(_key(f"{name}.*", {**part, **part["additionalProperties"]}, is_open=True))
        elif "x-parameter" in part:
            found.append(_key(name, part))
    return tuple(found)


def key_of(name: str) -> Key:
    """Return the key `name`, which may have a last part that the user chose. Raises KeyError."""
    for key in known_keys():
        if key.name == name:
            return key
    section, _, last = name.partition(".")
    for key in known_keys():
        if key.is_open and key.name == f"{section}.*":
            return key.named(last)
    raise KeyError(name)


def _key(name: str, schema: Mapping[str, Any], *, is_open: bool = False) -> Key:
    return Key(
        name=name,
        schema=dict(schema),
        option=schema["x-option"],
        parameter=schema["x-parameter"],
        pair=schema.get("x-pair"),
        is_open=is_open,
        path_endings=tuple(schema.get("x-path", ())),
    )


_HEADING = """\
# Defaults for canary-wf, read in this folder and below it as far as the Git repository reaches. Every key is the
# default of a command-line option, which overrides it, as does the variable CANARY_WF_<SECTION>_<KEY>; relative paths
# start here. `canary-wf config` shows the values in effect, and their sources.
"""


def template() -> str:
    """Return the text of a `canary-wf.yaml` in which everything is commented out."""
    return _HEADING + "".join(
        "\n" + "".join(_section(name, part)) for name, part in configuration_schema()["properties"].items()
    )


def _section(name: str, part: Mapping[str, Any]) -> Iterator[str]:
    option = f" ({part['x-option']})" if "x-option" in part else ""
    example = part.get("x-example", {})
    if not isinstance(example, dict):
        yield f"# {part['description']}{option}\n#{name}: {_flow(example)}\n"
        return
    yield f"# {part['description']}{option}\n#{name}:\n"
    for key, schema in part.get("properties", {}).items():
        yield f"#  # {_comment(schema)}\n#  {key}: {_flow(schema['x-example'])}\n"
    for key, value in example.items():
        yield f"#  {key}: {_flow(value)}\n"


def _comment(schema: Mapping[str, Any]) -> str:
    default = f"; default {_flow(schema['default'])}" if "default" in schema else ""
    return f"{schema['description']} ({schema['x-option']}{default})"


def _flow(value: object) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("\n").removesuffix("\n...")
