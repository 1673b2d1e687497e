# ruff: noqa: PTH100, PTH113, PTH118, PTH120 - tests wait for this module, and pathlib takes longer to import than all of it
"""Names this module does not offer, taken from the real canary where canary-wm is installed beside canary-wf."""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_OURS = __name__.rpartition(".")[0]
_state: "dict[str, ModuleType | None]" = {}


def from_canary_wm(name: str, inner: "str | None" = None) -> "Any":  # noqa: ANN401 - whatever that package offers
    """Return the attribute `name` of another `canary` further down `sys.path`.

    With `inner`, only one that itself has an attribute of this name will do. Raises AttributeError where there is none.
    """
    if "module" not in _state:
        _state["module"] = _load()
    other = _state["module"]
    found = getattr(other, name, None)
    if found is not None and (inner is None or hasattr(found, inner)):
        return found
    wanted = name if inner is None else f"{name}.{inner}"
    raise AttributeError(
        f"module {_OURS!r} has no attribute {wanted!r}: canary-wf does not offer it"
        + (", nor does the installed canary-wm" if other is not None else "; the package canary-wm may bring it")
    )


def _load() -> "ModuleType | None":
    """Import the other package under its own name, then put this one back."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    elsewhere = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    if not any(os.path.isfile(os.path.join(entry, _OURS, "__init__.py")) for entry in elsewhere):
        return None
    ours = {key: module for key, module in sys.modules.items() if key.partition(".")[0] in {_OURS, "canary_pyt"}}
    path = sys.path[:]
    for key in ours:
        del sys.modules[key]
    sys.path[:] = elsewhere
    try:
        return __import__(_OURS)
    except ImportError:
        return None
    finally:
        for key in [key for key in sys.modules if key.partition(".")[0] in {_OURS, "canary_pyt"}]:
            del sys.modules[key]
        sys.modules.update(ours)
        sys.path[:] = path
