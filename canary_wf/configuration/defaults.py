"""The configuration as defaults of command-line options: by the name of an option's value, in the form click takes."""

from collections.abc import Iterable
from typing import Any

from canary_wf.configuration.keys import Value
from canary_wf.configuration.settings import Setting


def defaults_of(settings: Iterable[Setting]) -> dict[str, Any]:
    """Return the values of options: a tuple of ``KEY=VALUE`` texts where that is how they are given."""
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
    """Return `value` as a command line has it."""
    if isinstance(value, dict):
        return ",".join(f"{name}:{number}" for name, number in value.items())
    if isinstance(value, bool):
        return str(value).lower()
    return " ".join(value) if isinstance(value, list | tuple) else str(value)
