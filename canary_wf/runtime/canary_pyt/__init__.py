"""The directives under the name that newer canary releases give them: ``canary_pyt.directives``."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["directives"]


def __getattr__(name: str) -> "ModuleType":
    if name != "directives":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}: canary-wf offers only its directives")
    # By name, so that both modules are the same one that the reader of test files watches.
    return __import__("canary.directives", fromlist=["directives"])
