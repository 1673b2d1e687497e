"""The running job under its older name, ``canary.test.instance``."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .instance import MissingTestInstance, TestInstance


def __getattr__(name: str) -> "TestInstance | MissingTestInstance":
    if name != "instance":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .instance import get_instance

    return get_instance()
