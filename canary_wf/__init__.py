"""canary-wf turns a tree of tests or simulations into a handful of cluster jobs, carried by Snakemake.

`generate` is the command of that name; it is imported when it is first asked for, as the runner must start fast.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from canary_wf.generation import generate

__version__ = "0.1.0"
__all__ = ["__version__", "generate"]


def __getattr__(name: str) -> object:
    if name == "generate":
        from canary_wf.generation import generate

        return generate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
