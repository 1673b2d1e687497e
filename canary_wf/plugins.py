"""Plug-ins of other packages, found by their entry points; every error in a plug-in names it.

The groups are ``canary_wf.finders`` (a class or object like `canary_wf.discovery.kinds.Finder`) and
``canary_wf.reporters`` (a function from `canary_wf.report.session.SessionState` to text).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from canary_wf.errors import CanaryWfError, InputError


def load_plugins(group: str) -> dict[str, Any]:
    """Return the objects of the entry points of `group` by name, sorted by name.

    Raises InputError for a plug-in that cannot be imported, and for a name that two packages use.
    """
    from importlib.metadata import entry_points

    found: dict[str, Any] = {}
    for entry in sorted(entry_points(group=group), key=lambda entry: entry.name):
        if entry.name in found:
            raise plugin_error(group, entry.name, "two packages have one of this name", "uninstall one of them")
        with plugin_errors(group, entry.name):
            found[entry.name] = entry.load()
    return found


@contextmanager
def plugin_errors(group: str, name: str) -> Iterator[None]:
    """Add the plug-in's name to errors of its code; errors of this package pass unchanged."""
    try:
        yield
    except CanaryWfError:
        raise
    except Exception as error:  # the plug-in is another program's code, which may raise anything
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise plugin_error(group, name, f"failed ({text})", "canary-wf --debug shows where") from error


def plugin_error(group: str, name: str, what: str, hint: str) -> InputError:
    """Return an error about the plug-in `name` of `group`."""
    return InputError(what, where=f"plug-in {name} ({group})", hint=hint)
