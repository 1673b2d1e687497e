"""The verdict on a job, under the module name by which tests import it."""

from .instance import Status

__all__ = ["Status"]


def __getattr__(name: str) -> object:
    from .fallback import from_canary_wm

    return from_canary_wm(__name__, name)
