"""User hooks: functions that receive every event of a job's life, named ``module:object``.

They come from `--hook` and from the entry point group `canary_wf.hooks`. The plan lists them, so that a runner need not
search for them. Importing them runs code, so the list counts only with the user's own signature: nobody else who can
write to the workspace can add one. An error in a hook is reported in one line and has no other effect.
"""

import contextlib
import importlib
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from canary_wf.errors import UsageError, one_line
from canary_wf.files.user_key import is_signed, signature

GROUP = "canary_wf.hooks"
"""The entry point group of packages that provide hooks."""

UserHook = Callable[[str, dict[str, Any]], object]
"""Called with the event's name (``job_started``, ``job_finished``, …) and its fields, in the order of events."""

_FORM = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
_MOST_REPORTS = 3


def check_hook(text: str) -> str:
    """Return `text` if it has the form ``module:object``. Raises UsageError otherwise."""
    if not _FORM.fullmatch(text):
        raise UsageError(f"{text[:60]!r} is not understood", where="--hook", hint="write module:object")
    return text


def installed_hooks() -> list[str]:
    """Return the hooks of installed packages, sorted by the name of their entry point."""
    from importlib.metadata import entry_points

    found = sorted(entry_points(group=GROUP), key=lambda point: point.name)
    return [point.value.partition("[")[0].strip() for point in found]


def why_not_loaded(name: str) -> str | None:
    """Import the hook `name` and return why it cannot be called, or None. What the module prints goes to stderr."""
    with contextlib.redirect_stdout(sys.stderr):
        try:
            _load(name)
        except _UnusableError as error:
            return str(error)
    return None


class _UnusableError(Exception):
    """A hook that cannot be loaded or called."""


def _load(name: str) -> UserHook:
    """Return the hook `name`. Raises _UnusableError."""
    module, _, attributes = name.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for attribute in attributes.split("."):
            found = getattr(found, attribute)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - importing runs other people's code
        raise _UnusableError(f"cannot be loaded: {_in_a_line(error)}") from None
    if not callable(found):
        raise _UnusableError("cannot be called")
    hook: UserHook = found
    return hook


def sign_hooks(session: str, hooks: Iterable[str]) -> str:
    """Return this user's signature of the `hooks` of a session, "" if there are none. Raises WorkspaceError."""
    names = tuple(hooks)
    return signature(_signed(session, names)) if names else ""


def own_hooks(session: str, hooks: Iterable[str], by: str) -> tuple[str, ...]:
    """Return the `hooks` of a session that may be called: all of them if `by` is this user's signature.

    Otherwise only the hooks of installed packages are returned, and the others are named on standard error. Raises
    WorkspaceError for a key that may be known to others.
    """
    names = tuple(hooks)
    if not names or is_signed(_signed(session, names), by):
        return names
    installed = set(installed_hooks())
    for name in names:
        if name not in installed:
            message = one_line(f"hook {name} is not called: session {session} does not come from your generate")
            sys.stderr.write(f"canary-wf: warning: {message}\n")
    return tuple(name for name in names if name in installed)


def _signed(session: str, hooks: tuple[str, ...]) -> list[object]:
    return ["hooks", session, hooks]


class UserHooks:
    """The hooks with these `names`; `context` are fields added to each event (session, batch, OUT)."""

    def __init__(self, names: Iterable[str], context: Mapping[str, Any], job_names: Mapping[str, str]) -> None:
        self._context = dict(context)
        self._job_names = job_names
        self._reports: dict[str, int] = {}
        self._hooks = {name: hook for name in names if (hook := self._load(name)) is not None}

    def __call__(self, event: msgspec.Struct) -> None:
        """Pass `event` to every hook."""
        fields = msgspec.to_builtins(event)
        name = fields.pop("event")
        if "job" in fields:
            fields["name"] = self._job_names.get(fields["job"])
        self.call(name, fields)

    def call(self, event: str, fields: Mapping[str, Any]) -> None:
        """Call every hook with the name and fields of an event."""
        for name, hook in self._hooks.items():
            try:
                hook(event, {**self._context, **fields})
            except (Exception, SystemExit) as error:  # noqa: BLE001 - other people's code, which must not end a batch
                self._report(name, f"failed at {event}: {_in_a_line(error)}")

    def _load(self, name: str) -> UserHook | None:
        try:
            return _load(name)
        except _UnusableError as error:
            self._report(name, str(error))
            return None

    def _report(self, name: str, what: str) -> None:
        self._reports[name] = self._reports.get(name, 0) + 1
        if self._reports[name] <= _MOST_REPORTS:
            sys.stderr.write(f"canary-wf: warning: hook {name} {what}\n")


def _in_a_line(error: BaseException) -> str:
    return one_line(f"{type(error).__name__}: {error}")[:200]
