# ruff: noqa: PTH100, PTH113, PTH118, PTH120 - tests wait for this module, and pathlib takes longer to import than all of it
"""Names that this package lacks, taken from the real canary if canary-wm is installed beside canary-wf."""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_OURS = ("canary", "canary_pyt")
_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_others: "dict[str, ModuleType | None]" = {}


def from_canary_wm(module: str, name: str) -> "Any":  # noqa: ANN401 - whatever that package offers
    """Return the attribute `name` of `module` (such as ``canary.shell``) from another canary later on `sys.path`.

    Raises AttributeError if there is none, or ImportError in a ``from … import`` statement.
    """
    package, _, inner = module.partition(".")
    if name.startswith("__"):
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    if package not in _others:
        _others[package] = _load(package)
    other = _others[package]
    holder = getattr(other, inner, None) if inner else other
    try:
        return getattr(holder, name)
    except AttributeError:
        advice = ", nor does the installed canary-wm" if other is not None else "; the package canary-wm may bring it"
        message = f"module {module!r} has no attribute {name!r}: canary-wf does not offer it{advice}"
        # Python would replace an AttributeError by its own, without the advice.
        raise (ImportError(message) if _is_imported_by_name() else AttributeError(message)) from None


def _is_imported_by_name() -> bool:
    """Return whether the caller is a statement such as ``from canary import name``."""
    from opcode import opmap

    frame = sys._getframe(2)  # noqa: SLF001 - only the frame knows its current statement
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_HERE):
        frame = frame.f_back
    return frame.f_code.co_code[frame.f_lasti] == opmap["IMPORT_FROM"]


def _load(package: str) -> "ModuleType | None":
    """Import the other package under its own name, then restore ours."""
    elsewhere = [entry for entry in sys.path if os.path.abspath(entry or ".") != _HERE]
    if not any(os.path.isfile(os.path.join(entry, package, "__init__.py")) for entry in elsewhere):
        return None
    ours = {key: module for key, module in sys.modules.items() if key.partition(".")[0] in _OURS}
    path = sys.path[:]
    for key in ours:
        del sys.modules[key]
    sys.path[:] = elsewhere
    try:
        return __import__(package)
    except ImportError:
        return None
    finally:
        for key in [key for key in sys.modules if key.partition(".")[0] in _OURS]:
            del sys.modules[key]
        sys.modules.update(ours)
        sys.path[:] = path
