"""The text of a new `canary-wf.yaml`: every key with its meaning, its option and an example, all commented out."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from canary_wf.configuration.keys import configuration_schema

_HEADING = """\
# Defaults for canary-wf, read in this folder and below it as far as the Git repository reaches. Every key is the
# default of a command-line option, which overrides it, as does the variable CANARY_WF_<SECTION>_<KEY>; relative paths
# start here. `canary-wf config` shows what holds, and why.
"""


def template() -> str:
    """Return the text; it says nothing until somebody takes a comment sign away."""
    return _HEADING + "".join(
        "\n" + "".join(_section(name, part)) for name, part in configuration_schema()["properties"].items()
    )


def _section(name: str, part: Mapping[str, Any]) -> Iterator[str]:
    option = f" ({part['x-option']})" if "x-option" in part else ""
    example = part.get("x-example", {})
    if isinstance(example, list):
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
