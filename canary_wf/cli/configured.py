"""How the configuration reaches the commands: as click's defaults, read when a command first asks for one."""

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

_FAR_REACHING = re.compile(r"report\..*|hooks|paths\.out").fullmatch
"""Keys that say which files are overwritten, which workspace is acted in, and what is run beside the tests."""

NOT_CONFIGURED = ("init", "run-batch")
"""Commands that no configuration has a say in."""


class Configured(Mapping[str, Any]):
    """The configured defaults of options; `file` is what `--config` named."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    @cached_property
    def file(self) -> Path | None:
        """The configuration file, if there is one. Raises InputError when a file that was named is not there."""
        from canary_wf.configuration.settings import find_file

        found = self._file or find_file(os.environ, Path.cwd())
        if found is not None and not found.exists():
            raise InputError("there is no such file", where=found, hint="canary-wf init writes one")
        return found

    @cached_property
    def settings(self) -> "dict[str, Setting]":
        """What the file and the variables say, by key. Raises InputError for what they must not say."""
        from canary_wf.configuration.settings import read_settings

        found = read_settings(self.file, os.environ)
        return found if self.file is None or not self._is_anothers(self.file) else self._harmless(found)

    def _is_anothers(self, file: Path) -> bool:
        """Return whether nobody named the file, which was only found, and it is another user's."""
        from canary_wf.configuration.settings import FILE_VARIABLE
        from canary_wf.state.trust import is_foreign

        return self._file is None and not os.environ.get(FILE_VARIABLE) and is_foreign(file)

    def _harmless(self, settings: "dict[str, Setting]") -> "dict[str, Setting]":
        """Return what another user's file may say; warn of the rest: where files are written, and what is run."""
        from canary_wf.errors import one_line

        refused = [name for name, setting in settings.items() if _FAR_REACHING(name) and ":" in setting.source]
        if refused:
            told = f"{self.file} is another user's, so it does not say {', '.join(refused)}; name it with --config"
            sys.stderr.write(f"canary-wf: warning: {one_line(told)}\n")
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


def behind_configured(context: click.Context, option: click.Parameter, value: Any) -> Any:  # noqa: ANN401 - click's types
    """Put what is configured for a KEY=VALUE option before what the command line says: of one KEY, the last counts."""
    assert option.name is not None
    if context.get_parameter_source(option.name) is not click.core.ParameterSource.COMMANDLINE:
        return value
    return (*(context.lookup_default(option.name) or ()), *value)


def paths_or_configured(context: click.Context, argument: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """Return the PATHs of the command line, else those that are configured."""
    assert argument.name is not None
    return value or tuple(context.lookup_default(argument.name) or ())
