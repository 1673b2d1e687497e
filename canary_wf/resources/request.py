"""Requests of jobs to the pool, whether a request can ever be met, and the errors of lending."""

from collections.abc import Mapping, Sequence
from typing import Any

from canary_wf.errors import CanaryWfError, InputError
from canary_wf.resources.layout import slots_of


def sizes_by_type(request: object) -> dict[str, list[int]]:
    """Return the slots of each item by type, in the order of the request; the default is one slot.

    Raises InputError with the item when the request is malformed or asks for less than one slot.
    """
    if not isinstance(request, Sequence) or isinstance(request, str | bytes):
        raise InputError("must be a list of {'type': ..., 'slots': ...}", where="request")
    sizes: dict[str, list[int]] = {}
    for index, item in enumerate(request):
        rtype, slots = _item(item, f"request[{index}]")
        sizes.setdefault(rtype, []).append(slots)
    return sizes


def _item(item: object, where: str) -> tuple[str, int]:
    if not isinstance(item, Mapping) or not isinstance(rtype := item.get("type"), str):
        raise InputError("must be {'type': text, 'slots': number}", where=where)
    if unknown := sorted(str(key) for key in item if key not in {"type", "slots"}):
        raise InputError(f"unknown key {unknown[0]!r}; known are slots, type", where=where)
    slots = slots_of(item.get("slots", 1), 1, lambda what: InputError(what, where=f"{where}.slots"))
    return rtype, slots


class ResourceUnavailable(CanaryWfError):  # noqa: N818 - named so in canary's API
    """Too little is free now, or the pool has no such resource; a retry can help only in the first case."""

    def __init__(self, what: str = "not enough resources are free", *, where: object = None) -> None:
        super().__init__(what, where=where)


class UnknownResourceTypeError(ResourceUnavailable, TypeError):
    """A request names a type that the pool does not have; a retry never helps."""


class EmptyResourcePoolError(CanaryWfError):
    """The pool has no id of any type."""

    def __init__(self, what: str = "the resource pool is empty") -> None:
        super().__init__(what, hint="fill it, or describe the node with -r cpus=N")


class CheckinError(CanaryWfError, ValueError):
    """The returned items were not lent: unknown type or id, or too many slots. The pool is unchanged."""


class RequestOutcome:
    """The answer to a request: yes or no, and why.

    Without `ok`, a reason means no and its absence yes. `RequestOutcome(False)` is a no even without a reason.
    """

    __slots__ = ("ok", "reason")

    def __init__(self, ok: bool | None = None, reason: str | None = None) -> None:
        self.ok: bool = not reason if ok is None else bool(ok)
        self.reason: str | None = reason

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        return f"Outcome(ok={self.ok!r}, reason={self.reason!r})"


def ids_that_hold(slots: int, sizes: Mapping[str, int], largest: int = 1, most: int = 0) -> tuple[int, list[str]]:
    """Return the number of ids needed for `slots`, and the suitable ones of `sizes` (slots by id); none for no slots.

    If jobs request several slots of one id, all these ids have at least the slots of the `largest` item, and there is
    one for each of the `most` items of a job; otherwise all ids are needed.
    """
    available = {name: size for name, size in sizes.items() if size}
    if not slots or not available:
        return 0, []
    wide = {name: size for name, size in available.items() if size >= largest}
    needed = -(-slots // min(wide.values(), default=1))
    if largest > 1:
        needed = max(needed, most)
        if needed > len(wide):
            return len(available), list(available)
    return min(len(wide), needed), list(wide)


def largest_id(items: Sequence[Mapping[str, Any]]) -> str:
    """Return the id with the most slots of ``[{"id", "slots"}, …]``, or "" if there is none."""
    return str(max(items, key=lambda item: int(item["slots"]))["id"]) if items else ""
