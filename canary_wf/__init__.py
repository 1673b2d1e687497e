"""canary-wf turns a tree of tests or simulations into a handful of cluster jobs, run by Snakemake.

`generate` is the command of that name; `load_plan` and `load_status` read what it and a run produce. They are imported
on first use, because the runner must start fast.
"""

from typing import TYPE_CHECKING

from canary_wf._version import __version__

if TYPE_CHECKING:
    from canary_wf.library import generate
    from canary_wf.sessions import load_plan, load_status

__all__ = ["__version__", "generate", "load_plan", "load_status"]

_MODULES = {"generate": "library", "load_plan": "sessions", "load_status": "sessions"}


def __getattr__(name: str) -> object:
    if name in _MODULES:
        from importlib import import_module

        return getattr(import_module(f"canary_wf.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
