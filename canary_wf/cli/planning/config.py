"""`canary-wf config`: the values of the options of `generate`, and the file, variable or option that sets each one."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from canary_wf.cli.configured import Configured, warn_of_variables
from canary_wf.cli.help_page import DocumentedCommand
from canary_wf.cli.options import (
    json_option,
    out_option,
    planning_options,
    pool_options,
    selection_options,
    workflow_options,
)
from canary_wf.cli.output import print_columns, print_json
from canary_wf.configuration.keys import known_keys
from canary_wf.configuration.settings import as_text
from canary_wf.errors import one_line

DEFAULT = "default"

_SEVERAL = re.compile(r"\n|,(?=[a-z_]+=)")
"""The separator of KEY=VALUE pairs: some options take several at once."""


class ConfiguredValue(msgspec.Struct, frozen=True):
    """A key with its value in effect and the source of that. Both are None if the key is not set."""

    key: str
    value: Any
    source: str | None


@click.command("config", cls=DocumentedCommand)
@selection_options
@planning_options
@pool_options
@workflow_options
@out_option
@json_option
@click.option("--all", "everything", is_flag=True, help="Show the keys that have no value, too.")
@click.pass_context
def command(context: click.Context, /, *, as_json: bool, everything: bool, **_values: Any) -> None:  # noqa: ANN401
    """Show the configuration: each key, its value, and where that comes from.

    The options are those of generate, to show what they would change.
    """
    configured: Configured = context.obj
    rows = _layered(configured, context)
    warn_of_variables()
    file = None if configured.file is None else os.path.relpath(configured.file)
    if as_json:
        print_json({"file": file, "settings": rows})
        return
    sys.stdout.write(f"File: {one_line(file or 'none; canary-wf init writes one')}\n")
    visible = [row for row in rows if everything or row.source is not None]
    print_columns([("key", "value", "from"), *map(_cells, visible)], {"value": "end"})


def _cells(row: ConfiguredValue) -> tuple[str, str, str]:
    return (row.key, "-" if row.value is None else one_line(as_text(row.value)), row.source or "-")


def _layered(configured: Configured, context: click.Context) -> list[ConfiguredValue]:
    """Return the values of all keys in the order of the schema: file, variables and options override defaults."""
    found: dict[str, ConfiguredValue] = {}
    for key in known_keys():
        if not key.is_open:
            default = key.schema.get("default")
            found[key.name] = ConfiguredValue(key.name, default, None if default is None else DEFAULT)
    for name, setting in configured.settings.items():
        found[name] = ConfiguredValue(name, setting.value, setting.source)
    for each in _command_line(configured, context):
        found[each.key] = each
    sections = [key.name.partition(".")[0] for key in known_keys()]
    return sorted(found.values(), key=lambda row: sections.index(row.key.partition(".")[0]))


def _command_line(configured: Configured, context: click.Context) -> Iterator[ConfiguredValue]:
    """Yield the values that the options of this command line set."""
    for key in known_keys():
        value = context.params.get(key.parameter)
        source = context.get_parameter_source(key.parameter)
        if source is not click.core.ParameterSource.COMMANDLINE or not value:
            continue
        configured_value = configured.get(key.parameter)
        configured_part = configured_value if isinstance(configured_value, tuple) else ()
        if key.pair is None and not key.is_open:
            if value != configured_part:
                yield ConfiguredValue(key.name, str(value) if isinstance(value, Path) else value, key.option)
            continue
        for text in _SEVERAL.split("\n".join(value[len(configured_part) :])):
            name, _, rest = text.partition("=")
            if key.is_open:
                yield ConfiguredValue(key.named(name).name, rest, f"{key.option} {name}=")
            elif key.pair == name:
                yield ConfiguredValue(key.name, rest, key.option)
