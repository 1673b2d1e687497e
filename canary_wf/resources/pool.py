"""The resource pool: what a node offers, by type, and the handing out and taking back of its ids.

All operations on items cost the same whatever the size of the pool (see `resources.shelf`). Reading pools from
files, from this machine and from Slurm is left to the neighbours of this module.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

from canary_wf.resources.free_list import Entry
from canary_wf.resources.inventory import AllocationTransaction, Allocator, Inventory, unknown_type
from canary_wf.resources.layout import LayoutError, copied, read_layout, slots_of
from canary_wf.resources.request import (
    CheckinError,
    EmptyResourcePoolError,
    Outcome,
    ResourceUnavailable,
    UnknownResourceTypeError,
    sizes_by_type,
)


class ResourcePool:
    """The typed resources of a node, each with its ids and their slots.

    `pool` is of one of the forms of `resources.layout`. `additional_properties` is kept as it is, but for the number
    of nodes under ``nodes.count``. `slots_per_resource_type` holds the slots of the whole pool, free or not. A pool
    that was filled always has the type ``gpus``, maybe without ids.
    """

    __slots__ = ("_inventory", "_whole", "additional_properties", "slots_per_resource_type")

    def __init__(self, pool: dict[str, Any] | None = None) -> None:
        self.additional_properties: dict[str, Any] = {}
        self.slots_per_resource_type: Counter[str] = Counter()
        self._inventory = Inventory({})
        self._whole: Inventory | None = None
        if pool is not None and pool != {}:
            self.fill(pool)

    def __repr__(self) -> str:
        return f"ResourcePool({dict(self.slots_per_resource_type)!r})"

    def __contains__(self, type: object) -> bool:  # noqa: A002 - named so in canary's API
        return type in self._inventory.resources

    @property
    def resources(self) -> dict[str, list[Entry]]:
        """The ids by type with the slots that are free now; reading only, but for assigning it as a whole.

        What is assigned replaces all types, checked and copied as by `fill`.
        """
        return self._inventory.resources

    @resources.setter
    def resources(self, resources: dict[str, list[Entry]]) -> None:
        self.fill({"additional_properties": self.additional_properties, "resources": resources})

    @property
    def types(self) -> list[str]:
        """The names of the types, sorted."""
        return sorted(self._inventory.resources)

    def empty(self) -> bool:
        """Tell whether there is no id of any type."""
        return not any(self._inventory.resources.values())

    def count(self, type: str) -> int:  # noqa: A002 - named so in canary's API
        """Return how many ids of the type there are; ``cpu`` counts ``cpus``, ``nodes`` the nodes (1 if not said).

        Raises ResourceUnavailable for a type that the pool does not have.
        """
        resources = self._inventory.resources
        for name in (type, f"{type}s"):
            if name in resources:
                return len(resources[name])
            if name == "nodes":
                return self._nodes()
        raise ResourceUnavailable(f"there is no resource type {type!r} in the pool")

    def _nodes(self) -> int:
        nodes = self.additional_properties.get("nodes")
        count = nodes.get("count", 1) if isinstance(nodes, Mapping) else 1
        return slots_of(count, 1, lambda what: LayoutError(what, ("additional_properties", "nodes", "count")))

    def fill(self, pool: dict[str, Any]) -> None:
        """Replace everything by `pool`. Raises InputError with the key path of a mistake; nothing changes then."""
        resources, properties = read_layout(pool)
        resources.setdefault("gpus", [])
        self.additional_properties = properties
        self._replace(resources)

    def populate(self, **kwds: int) -> None:
        """Replace all types by those given, with as many ids ("0", "1", …) of one slot each."""
        resources: dict[str, list[Entry]] = {}
        for rtype, number in kwds.items():
            resources[rtype] = [{"id": str(index), "slots": 1} for index in range(_count(rtype, number))]
        self.resources = resources

    def pop(self, type: str) -> list[Entry] | None:  # noqa: A002 - named so in canary's API
        """Remove the type and return its ids with what was free of them, or None when there is no such type."""
        entries = self._inventory.resources.pop(type, None)
        self._inventory.shelves.pop(type, None)
        self.slots_per_resource_type.pop(type, None)
        if self._whole is not None:
            self._whole.resources.pop(type, None)
            self._whole.shelves.pop(type, None)
        return entries

    def clear(self) -> None:
        """Remove everything."""
        self.additional_properties = {}
        self._replace({})

    def getstate(self) -> dict[str, Any]:
        """Return a copy of what `fill` takes, with the slots that are free now."""
        return {
            "additional_properties": copied(self.additional_properties),
            "resources": {rtype: [dict(entry) for entry in entries] for rtype, entries in self.resources.items()},
        }

    def dump(self, file: IO[Any]) -> None:
        """Write the state as YAML under ``resource_pool``."""
        import yaml

        yaml.safe_dump({"resource_pool": self.getstate()}, file, default_flow_style=False)

    def accommodates(self, request: list[dict[str, Any]]) -> Outcome:
        """Tell whether `checkout` would succeed if nothing were lent, with the reason if not.

        Raises InputError when the request is not of the right form.
        """
        sizes = sizes_by_type(request)
        if self.empty():
            return Outcome(False, EmptyResourcePoolError().what)
        if self._whole is None:
            self._whole = self._unlent()
        transaction = AllocationTransaction(self._whole)
        try:
            _allocate(transaction, sizes)
        except ResourceUnavailable as error:
            return Outcome(False, str(error))
        finally:
            transaction.rollback()
        return Outcome(True)

    def checkout(self, request: list[dict[str, Any]], **kwds: Any) -> dict[str, list[dict[str, Any]]]:  # noqa: ANN401, ARG002 - canary's API has it, without use
        """Lend what `request` asks for, all of it or nothing: ``{type: [{"id", "slots"}, …]}`` in its order.

        Each item is on one id: the one with the fewest free slots that are enough, and one that the request does
        not use yet while there is such a one. Raises EmptyResourcePoolError, UnknownResourceTypeError (a TypeError
        too), ResourceUnavailable when not enough is free, InputError when the request is not of the right form.
        """
        sizes = sizes_by_type(request)
        if self.empty():
            raise EmptyResourcePoolError
        with AllocationTransaction(self._inventory) as transaction:
            return _allocate(transaction, sizes)

    def lend(self, sizes: Mapping[str, Sequence[int]]) -> dict[str, list[dict[str, Any]]] | None:
        """Lend an id for each of `sizes` (slots by type, as `sizes_by_type` gives them), or None with nothing lent.

        Like `checkout`, for who asks the same again and again: the form is not checked, and no reason is put into
        words. None too for a type that the pool does not have.
        """
        lent: dict[str, list[dict[str, Any]]] = {}
        for rtype, asked in sizes.items():
            shelf = self._inventory.shelves.get(rtype)
            placed = None if shelf is None else shelf.place(asked)
            if placed is None:
                self.take_back(lent)
                return None
            lent[rtype] = [{"id": name, "slots": slots} for name, slots in zip(placed, asked, strict=True)]
        return lent

    def take_back(self, lent: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Take back, once, what `lend` returned; that it is just that is not checked."""
        for rtype, items in lent.items():
            give = self._inventory.shelves[rtype].give
            for item in items:
                give(item["id"], item["slots"])

    def checkin(self, resources: dict[str, list[dict[str, Any]]]) -> None:
        """Take back what `checkout` returned.

        Raises CheckinError, with the pool unchanged, when a type or an id is unknown or when more slots would come
        back than are out, as with a second check-in of the same items.
        """
        self._inventory.take_back(_returned(resources), "check-in")

    def _replace(self, resources: dict[str, list[Entry]]) -> None:
        self._inventory = Inventory.of_checked(resources)
        self._whole = None
        self.slots_per_resource_type = Counter(
            {rtype: shelf.free for rtype, shelf in self._inventory.shelves.items()},
        )

    def _unlent(self) -> Inventory:
        shelves = self._inventory.shelves
        return Inventory.of_checked(
            {
                rtype: [
                    {"id": entry["id"], "slots": int(entry["slots"]) + shelves[rtype].lent(str(entry["id"]))}
                    for entry in entries
                ]
                for rtype, entries in self.resources.items()
            }
        )


class Occupancy:
    """What runs on the resources of a pool at a time: `most` at most, and what is exclusive alone."""

    def __init__(self, most: int | None = None) -> None:
        self.most = most
        self.running = 0
        self._exclusive = False

    def admits(self, *, exclusive: bool) -> bool:
        """Return whether one more may run beside what runs."""
        return not (self._exclusive or (exclusive and self.running) or self.running == self.most)

    def enter(self, *, exclusive: bool) -> None:
        """Know that one more runs."""
        self._exclusive = exclusive
        self.running += 1

    def leave(self) -> None:
        """Know that one less runs; an exclusive one was the only one."""
        self._exclusive = False
        self.running -= 1


def _allocate(transaction: AllocationTransaction, sizes: dict[str, list[int]]) -> dict[str, list[dict[str, Any]]]:
    inventory = transaction.inventory
    for rtype in sizes:
        if rtype not in inventory.shelves:
            raise unknown_type(rtype, inventory.shelves)
    allocator = Allocator()
    taken = {}
    for rtype, asked in sizes.items():
        taken[rtype] = allocator.acquire_all(inventory, rtype, asked)
        for item in taken[rtype]:
            transaction.record(rtype, item["id"], item["slots"])
    return taken


def _count(rtype: str, number: object) -> int:
    return slots_of(number, 0, lambda what: LayoutError(what, (rtype,)))


def _returned(resources: object) -> Counter[tuple[str, str]]:
    returned: Counter[tuple[str, str]] = Counter()
    if not isinstance(resources, Mapping):
        raise CheckinError("must be a mapping of type to a list of {'id': ..., 'slots': ...}", where="check-in")
    for rtype, items in resources.items():
        if not isinstance(items, list | tuple):
            raise CheckinError("must be a list of {'id': ..., 'slots': ...}", where=f"check-in {rtype}")
        for index, item in enumerate(items):
            where = f"check-in {rtype}[{index}]"
            if not isinstance(item, Mapping) or "id" not in item:
                raise CheckinError("must be {'id': ..., 'slots': ...}", where=where)
            returned[rtype, str(item["id"])] += slots_of(item.get("slots", 1), 1, _checkin_error_at(where))
    return returned


def _checkin_error_at(where: str) -> Callable[[str], CheckinError]:
    return lambda what: CheckinError(what, where=where)


__all__ = [
    "AllocationTransaction",
    "Allocator",
    "CheckinError",
    "EmptyResourcePoolError",
    "Inventory",
    "Outcome",
    "ResourcePool",
    "ResourceUnavailable",
    "UnknownResourceTypeError",
]
