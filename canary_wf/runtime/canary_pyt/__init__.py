"""The names of directives in newer canary releases: ``canary_pyt.directives`` and ``canary_pyt.enums``."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["directives", "enums"]


def __getattr__(name: str) -> "Any":  # noqa: ANN401 - a module's attributes are of any type
    if name in __all__:
        return __import__(f"{__name__}.{name}", fromlist=[name])
    return __import__("canary.fallback", fromlist=["from_canary_wm"]).from_canary_wm(__name__, name)
