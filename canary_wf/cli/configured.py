"""Passes the configuration to the commands as click's defaults. It is read when a command first needs one."""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from canary_wf.errors import InputError

if TYPE_CHECKING:  # read by the commands that have options with configured values, not for `--help`
    from canary_wf.configuration.settings import Setting

_SENSITIVE = re.compile(r"report\..*|hooks|paths\.out").fullmatch
"""Keys that decide which files are overwritten, which workspace is used, and which other code runs."""

ARGUMENTS = "canary_wf.arguments"
"""The key of the typed words in the `meta` of click's contexts."""

NOT_CONFIGURED = ("init", "run-batch")
"""Commands that ignore the configuration."""


class Configured(Mapping[str, Any]):
    """The configured defaults of options. `file` is the file that `--config` names."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    @cached_property
    def file(self) -> Path | None:
        """The configuration file, if there is one. Raises InputError if a file that was named does not exist."""
        from canary_wf.configuration.settings import find_file

        found = self._file or find_file(os.environ, Path.cwd())
        if found is not None and not found.exists():
            raise InputError("there is no such file", where=found, hint="canary-wf init writes one")
        return found

    @cached_property
    def settings(self) -> "dict[str, Setting]":
        """The settings of the file and the variables, by key. Raises InputError for an invalid setting."""
        from canary_wf.configuration.settings import read_settings

        found = read_settings(self.file, os.environ)
        return found if self.file is None or not self._is_foreign(self.file) else self._harmless(found)

    def _is_foreign(self, file: Path) -> bool:
        """Return whether the file belongs to another user and was found without being named."""
        from canary_wf.configuration.settings import FILE_VARIABLE
        from canary_wf.state.trust import is_foreign

        return self._file is None and not os.environ.get(FILE_VARIABLE) and is_foreign(file)

    def _harmless(self, settings: "dict[str, Setting]") -> "dict[str, Setting]":
        """Return the settings that another user's file may make, and warn about the sensitive ones."""
        from canary_wf.errors import one_line

        refused = [name for name, setting in settings.items() if _SENSITIVE(name) and ":" in setting.source]
        if refused:
            message = f"{self.file} belongs to another user, so its {', '.join(refused)} are ignored"
            message += "; name it with --config to use them"
            sys.stderr.write(f"canary-wf: warning: {one_line(message)}\n")
        return {name: setting for name, setting in settings.items() if name not in refused}

    @cached_property
    def _values(self) -> dict[str, Any]:
        from canary_wf.configuration.settings import defaults_of

        return defaults_of(self.settings.values())

    def __getitem__(self, name: str) -> object:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def warn_of_variables() -> None:
    """Write a warning to standard error for each variable of the environment that is misspelt."""
    from canary_wf.configuration.settings import unknown_variables
    from canary_wf.errors import one_line

    for name, near in unknown_variables(os.environ).items():
        hint = f"; did you mean {near}?" if near else "; canary-wf config --all lists the keys"
        sys.stderr.write(f"canary-wf: warning: the variable {one_line(name)} is not known{hint}\n")


def after_configured(context: click.Context, option: click.Parameter, value: Any) -> Any:  # noqa: ANN401 - click's types
    """Put the configured KEY=VALUE pairs before those of the command line. The last pair of a KEY counts."""
    assert option.name is not None
    if context.get_parameter_source(option.name) is not click.core.ParameterSource.COMMANDLINE:
        return value
    return (*(context.lookup_default(option.name) or ()), *value)


def paths_or_configured(context: click.Context, argument: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """Return the PATHs of the command line, else those of the configuration."""
    assert argument.name is not None
    if value and context.get_parameter_source(argument.name) is click.core.ParameterSource.COMMANDLINE:
        return value
    configured = value or tuple(context.lookup_default(argument.name) or ())
    missing = [path for path in configured if not os.path.lexists(path)]
    if missing:
        source = context.find_object(Configured)
        setting = source.settings.get("paths.tests") if source is not None else None
        where = "paths.tests" if setting is None else f"{setting.source}: paths.tests"
        raise InputError(f"there is no {missing[0]!r:.80}", where=where, hint="name test files and folders")
    return configured
