"""What a job asks of the pool, whether that could ever be met, and what can go wrong as ids are handed out."""

from collections.abc import Mapping, Sequence
from typing import Any

from canary_wf.errors import CanaryWfError, InputError
from canary_wf.resources.layout import slots_of


def sizes_by_type(request: object) -> dict[str, list[int]]:
    """Return the slots of each item by type, in the order of the request; missing slots are 1.

    Raises InputError naming the item when the request is not such a list or asks for less than one slot.
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


class Outcome:
    """Yes or no, and why.

    With `ok` not given, a reason means no and its absence yes. `Outcome(False)` is a no even without a reason.
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
    """Return how many ids are needed for `slots`, and which of `sizes` (slots by id) will do; none for no slots.

    Where jobs want several slots of one id, all of these ids have as many as the `largest` item wants, and there is one
    for each of the `most` items of a job, or else all ids are needed.
    """
    there = {name: size for name, size in sizes.items() if size}
    if not slots or not there:
        return 0, []
    wide = {name: size for name, size in there.items() if size >= largest}
    needed = -(-slots // min(wide.values(), default=1))
    if largest > 1:
        needed = max(needed, most)
        if needed > len(wide):
            return len(there), list(there)
    return min(len(wide), needed), list(wide)


def largest_id(items: Sequence[Mapping[str, Any]]) -> str:
    """Return the id with the most slots of ``[{"id", "slots"}, …]``, empty when there is none."""
    return str(max(items, key=lambda item: int(item["slots"]))["id"]) if items else ""
