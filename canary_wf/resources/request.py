"""What a job asks of the pool: a list of ``{"type": str, "slots": int}``, checked and grouped by type."""

from collections.abc import Mapping, Sequence

from canary_wf.errors import InputError
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
