"""What can go wrong when resources are handed out or taken back."""

from canary_wf.errors import CanaryWfError


class ResourceUnavailable(CanaryWfError):  # noqa: N818 - the name stands on the API page
    """Not enough is free now, or the pool has no such resource; asking again can help only in the first case."""

    def __init__(self, what: str = "not enough resources are free", *, where: object = None) -> None:
        super().__init__(what, where=where)


class UnknownResourceTypeError(ResourceUnavailable, TypeError):
    """A request names a type that the pool does not have; asking again never helps."""


class EmptyResourcePoolError(CanaryWfError):
    """The pool has no id of any type."""

    def __init__(self, what: str = "the resource pool is empty") -> None:
        super().__init__(what, hint="fill it, or describe the node with -r cpus=N")


class CheckinError(CanaryWfError, ValueError):
    """What is handed back was not lent: unknown type or id, or more slots than are out. The pool is unchanged."""
