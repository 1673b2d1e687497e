"""`canary-wf config`: what the options of `generate` come to, and whether a file, a variable or an option says so."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from canary_wf.cli.configured import Configured
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
from canary_wf.configuration.settings import as_text, unknown_variables
from canary_wf.errors import one_line

DEFAULT = "default"

_SEVERAL = re.compile(r"\n|,(?=[a-z_]+=)")
"""What stands between two KEY=VALUE pairs: some options take several at once."""


class Shown(msgspec.Struct, frozen=True):
    """A key with the value that holds, and where that is from; both None when nobody says anything."""

    key: str
    value: Any
    source: str | None


@click.command("config")
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

    The options are those of generate, to see what they would change.
    """
    configured: Configured = context.obj
    rows = _layered(configured, context)
    for name in unknown_variables(os.environ):
        sys.stderr.write(f"canary-wf: warning: {one_line(name)} is not a key of the configuration\n")
    file = None if configured.file is None else os.path.relpath(configured.file)
    if as_json:
        print_json({"file": file, "settings": rows})
        return
    sys.stdout.write(f"File: {one_line(file or 'none; canary-wf init writes one')}\n")
    shown = [row for row in rows if everything or row.source is not None]
    cells = [(row.key, "-" if row.value is None else one_line(as_text(row.value)), row.source or "-") for row in shown]
    print_columns([("key", "value", "from"), *cells])


def _layered(configured: Configured, context: click.Context) -> list[Shown]:
    """Return all keys in the order of the schema: defaults, then what the file, variables and options say instead."""
    found: dict[str, Shown] = {}
    for key in known_keys():
        if not key.is_open:
            default = key.schema.get("default")
            found[key.name] = Shown(key.name, default, None if default is None else DEFAULT)
    for name, setting in configured.settings.items():
        found[name] = Shown(name, setting.value, setting.source)
    for each in _command_line(configured, context):
        found[each.key] = each
    sections = [key.name.partition(".")[0] for key in known_keys()]
    return sorted(found.values(), key=lambda shown: sections.index(shown.key.partition(".")[0]))


def _command_line(configured: Configured, context: click.Context) -> Iterator[Shown]:
    """Yield what the options of this command line say."""
    for key in known_keys():
        value = context.params.get(key.parameter)
        source = context.get_parameter_source(key.parameter)
        if source is not click.core.ParameterSource.COMMANDLINE or not value:
            continue
        said = configured.get(key.parameter)
        before = said if isinstance(said, tuple) else ()
        if key.pair is None and not key.is_open:
            if value != before:
                yield Shown(key.name, str(value) if isinstance(value, Path) else value, key.option)
            continue
        for text in _SEVERAL.split("\n".join(value[len(before) :])):
            name, _, rest = text.partition("=")
            if key.is_open:
                yield Shown(key.named(name).name, rest, f"{key.option} {name}=")
            elif key.pair == name:
                yield Shown(key.name, rest, key.option)
