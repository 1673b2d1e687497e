"""The free slots of all types of a pool, taking single items from it, and undoing a group of them."""

from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from canary_wf.errors import InputError
from canary_wf.resources.free_list import Entry, FreeList
from canary_wf.resources.layout import read_types, slots_of
from canary_wf.resources.request import CheckinError, ResourceUnavailable, UnknownResourceTypeError
from canary_wf.wording import count


class Inventory:
    """All ids by type. `resources` shows the free slots; it is read-only.

    Raises InputError with the key path when `resources` does not have the form ``{type: [{"id", "slots"}, …]}``.
    """

    __slots__ = ("free_lists", "resources")

    def __init__(self, resources: dict[str, list[Entry]]) -> None:
        read_types(resources, ())
        self.resources = resources
        self.free_lists = _free_lists(resources)

    @classmethod
    def of_checked(cls, resources: dict[str, list[Entry]]) -> Self:
        """Return the inventory of `resources` that `resources.layout` has checked."""
        inventory = cls.__new__(cls)
        inventory.resources = resources
        inventory.free_lists = _free_lists(resources)
        return inventory

    def slots_available(self, rtype: str) -> int:
        """Return the free slots of the type, 0 for a type that the pool does not have."""
        free_list = self.free_lists.get(rtype)
        return 0 if free_list is None else free_list.free

    def free_list(self, rtype: str) -> FreeList:
        """Return the ids of the type. Raises UnknownResourceTypeError, which lists the known types."""
        try:
            return self.free_lists[rtype]
        except KeyError:
            raise unknown_type(rtype, self.free_lists) from None

    def take_back(self, items: Mapping[tuple[str, str], int], where: str) -> None:
        """Take back slots by type and id. Raises CheckinError, with nothing taken, when one of them was not lent."""
        for (rtype, name), slots in items.items():
            self._check_lent(rtype, name, slots, where)
        for (rtype, name), slots in items.items():
            self.free_lists[rtype].give(name, slots)

    def _check_lent(self, rtype: str, name: str, slots: int, where: str) -> None:
        free_list = self.free_lists.get(rtype)
        if free_list is None:
            raise CheckinError(f"the pool has no resource type {rtype!r}", where=where)
        if name not in free_list:
            raise CheckinError(f"the pool has no id {name!r} of type {rtype}", where=where)
        if slots > (lent := free_list.lent(name)):
            raise CheckinError(f"{count(slots, 'slot')} returned, but {lent} lent", where=f"{where} {rtype} {name}")


def _free_lists(resources: dict[str, list[Entry]]) -> dict[str, FreeList]:
    return {rtype: FreeList(entries) for rtype, entries in resources.items()}


class AllocationTransaction:
    """A group of items taken together: `rollback` returns all that was recorded, and so does an error in the block."""

    __slots__ = ("deltas", "inventory")

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self.deltas: list[tuple[str, str, int]] = []

    def record(self, rtype: str, rid: str, slots: int) -> None:
        """Record that `slots` of the id `rid` were taken."""
        self.deltas.append((rtype, rid, slots))

    def rollback(self) -> None:
        """Return the recorded items, once.

        Raises CheckinError, with nothing returned, when they are not lent any more.
        """
        taken: Counter[tuple[str, str]] = Counter()
        for rtype, rid, slots in self.deltas:
            taken[rtype, rid] += slots_of(slots, 0, lambda what: CheckinError(what, where="rollback"))
        self.inventory.take_back(taken, "rollback")
        self.deltas.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.rollback()


class Allocator:
    """Takes items from an inventory by best fit; an item never spans ids."""

    def acquire(self, inventory: Inventory, rtype: str, slots: int) -> dict[str, Any]:
        """Take `slots` of one id and return ``{"id", "slots"}``.

        Raises UnknownResourceTypeError, ResourceUnavailable when no single id has that many free, and InputError for
        less than one slot.
        """
        size = slots_of(slots, 1, lambda what: InputError(what, where=rtype))
        return self.acquire_all(inventory, rtype, [size])[0]

    def acquire_all(self, inventory: Inventory, rtype: str, sizes: list[int]) -> list[dict[str, Any]]:
        """Take one item for each of `sizes` (slots), on different ids as long as there are enough, or none at all."""
        free_list = inventory.free_list(rtype)
        placed = free_list.place(sizes)
        if placed is None:
            raise ResourceUnavailable(shortage(rtype, sizes, free_list))
        return [{"id": name, "slots": slots} for name, slots in zip(placed, sizes, strict=True)]


def unknown_type(rtype: str, known: object) -> UnknownResourceTypeError:
    """Return the error that the pool has no such type."""
    types = ", ".join(sorted(map(str, known))) if isinstance(known, dict) and known else "none"
    return UnknownResourceTypeError(f"unknown resource type {rtype!r}; the pool's types are: {types}")


def shortage(rtype: str, sizes: list[int], free_list: FreeList) -> str:
    """Return in words what was requested of the type and what is available."""
    asked = count(sum(sizes), "slot")
    if len(sizes) > 1:
        asked += f" in {len(sizes)} items"
        if max(sizes) > 1:
            asked += f" of up to {max(sizes)}"
    available = f"{count(free_list.free, 'slot')} on {count(len(free_list), 'id')}"
    return f"{rtype}: asked for {asked}, available are {available}, at most {free_list.largest} on one id"
