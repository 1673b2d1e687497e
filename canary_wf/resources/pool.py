"""The resource pool: the resources of a node, by type, and lending its ids.

The cost of lending an item does not depend on the size of the pool (see `resources.free_list`). Other modules beside
this one read pools from files, from this machine and from Slurm.
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
    RequestOutcome,
    ResourceUnavailable,
    UnknownResourceTypeError,
    sizes_by_type,
)


class ResourcePool:
    """The typed resources of a node, each with its ids and their slots.

    `pool` has one of the forms of `resources.layout`. `additional_properties` is kept unchanged; only
    ``nodes.count``, the number of nodes, is used. `slots_per_resource_type` has the slots of the whole pool, free or
    not. A filled pool always has the type ``gpus``, possibly without ids.
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
        """The ids by type with their free slots; read-only, except for assigning all of it.

        An assignment replaces all types; the value is checked and copied like that of `fill`.
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
        """Return whether the pool has no id of any type."""
        return not any(self._inventory.resources.values())

    def count(self, type: str) -> int:  # noqa: A002 - named so in canary's API
        """Return the number of ids of the type; ``cpu`` counts ``cpus``, ``nodes`` counts nodes (1 by default).

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
        """Replace the whole pool. Raises InputError with the key path of a mistake; nothing changes then."""
        resources, properties = read_layout(pool)
        resources.setdefault("gpus", [])
        self.additional_properties = properties
        self._replace(resources)

    def populate(self, **kwds: int) -> None:
        """Replace all types by those given, with that many ids ("0", "1", …) of one slot each."""
        resources: dict[str, list[Entry]] = {}
        for rtype, number in kwds.items():
            resources[rtype] = [{"id": str(index), "slots": 1} for index in range(_count(rtype, number))]
        self.resources = resources

    def pop(self, type: str) -> list[Entry] | None:  # noqa: A002 - named so in canary's API
        """Remove the type and return its ids with their free slots, or None if there is no such type."""
        entries = self._inventory.resources.pop(type, None)
        self._inventory.free_lists.pop(type, None)
        self.slots_per_resource_type.pop(type, None)
        if self._whole is not None:
            self._whole.resources.pop(type, None)
            self._whole.free_lists.pop(type, None)
        return entries

    def clear(self) -> None:
        """Remove everything."""
        self.additional_properties = {}
        self._replace({})

    def getstate(self) -> dict[str, Any]:
        """Return a copy of the pool in the form that `fill` takes, with the free slots."""
        return {
            "additional_properties": copied(self.additional_properties),
            "resources": {rtype: [dict(entry) for entry in entries] for rtype, entries in self.resources.items()},
        }

    def dump(self, file: IO[Any]) -> None:
        """Write the state as YAML under ``resource_pool``."""
        import yaml

        yaml.safe_dump({"resource_pool": self.getstate()}, file, default_flow_style=False)

    def accommodates(self, request: list[dict[str, Any]]) -> RequestOutcome:
        """Return whether `checkout` would succeed on an unused pool, with the reason if not.

        Raises InputError for a malformed request.
        """
        sizes = sizes_by_type(request)
        if self.empty():
            return RequestOutcome(False, EmptyResourcePoolError().what)
        if self._whole is None:
            self._whole = self._unlent()
        transaction = AllocationTransaction(self._whole)
        try:
            _allocate(transaction, sizes)
        except ResourceUnavailable as error:
            return RequestOutcome(False, str(error))
        finally:
            transaction.rollback()
        return RequestOutcome(True)

    def checkout(self, request: list[dict[str, Any]], **kwds: Any) -> dict[str, list[dict[str, Any]]]:  # noqa: ANN401, ARG002 - canary's API has it, without use
        """Lend everything that `request` asks for, or nothing: ``{type: [{"id", "slots"}, …]}``, in its order.

        Each item is on one id: the one with the fewest sufficient free slots, preferably one that the request does not
        use yet. Raises EmptyResourcePoolError, UnknownResourceTypeError (also a TypeError), ResourceUnavailable when
        too little is free, and InputError for a malformed request.
        """
        sizes = sizes_by_type(request)
        if self.empty():
            raise EmptyResourcePoolError
        with AllocationTransaction(self._inventory) as transaction:
            return _allocate(transaction, sizes)

    def lend(self, sizes: Mapping[str, Sequence[int]]) -> dict[str, list[dict[str, Any]]] | None:
        """Lend an id for each of `sizes` (slots by type, as from `sizes_by_type`), or None with nothing lent.

        A fast `checkout` for repeated requests: the form is not checked, and there is no reason. Also returns None for
        a type that the pool does not have.
        """
        lent: dict[str, list[dict[str, Any]]] = {}
        for rtype, asked in sizes.items():
            free_list = self._inventory.free_lists.get(rtype)
            placed = None if free_list is None else free_list.place(asked)
            if placed is None:
                self.take_back(lent)
                return None
            lent[rtype] = [{"id": name, "slots": slots} for name, slots in zip(placed, asked, strict=True)]
        return lent

    def take_back(self, lent: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Take back, once, what `lend` returned; this is not checked."""
        for rtype, items in lent.items():
            give = self._inventory.free_lists[rtype].give
            for item in items:
                give(item["id"], item["slots"])

    def checkin(self, resources: dict[str, list[dict[str, Any]]]) -> None:
        """Take back what `checkout` returned.

        Raises CheckinError, with the pool unchanged, when a type or an id is unknown, or when more slots would come
        back than are lent, as in a second check-in of the same items.
        """
        self._inventory.take_back(_returned(resources), "check-in")

    def _replace(self, resources: dict[str, list[Entry]]) -> None:
        self._inventory = Inventory.of_checked(resources)
        self._whole = None
        self.slots_per_resource_type = Counter(
            {rtype: free_list.free for rtype, free_list in self._inventory.free_lists.items()},
        )

    def _unlent(self) -> Inventory:
        free_lists = self._inventory.free_lists
        return Inventory.of_checked(
            {
                rtype: [
                    {"id": entry["id"], "slots": int(entry["slots"]) + free_lists[rtype].lent(str(entry["id"]))}
                    for entry in entries
                ]
                for rtype, entries in self.resources.items()
            }
        )


class Occupancy:
    """The number of jobs that run on a pool at a time: `most` at most, and an exclusive job alone."""

    def __init__(self, most: int | None = None) -> None:
        self.most = most
        self.running = 0
        self._exclusive = False

    def admits(self, *, exclusive: bool) -> bool:
        """Return whether one more job may start."""
        return not (self._exclusive or (exclusive and self.running) or self.running == self.most)

    def enter(self, *, exclusive: bool) -> None:
        """Count a job that starts."""
        self._exclusive = exclusive
        self.running += 1

    def leave(self) -> None:
        """Count a job that ends; an exclusive job was the only one."""
        self._exclusive = False
        self.running -= 1


def _allocate(transaction: AllocationTransaction, sizes: dict[str, list[int]]) -> dict[str, list[dict[str, Any]]]:
    inventory = transaction.inventory
    for rtype in sizes:
        if rtype not in inventory.free_lists:
            raise unknown_type(rtype, inventory.free_lists)
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
    "RequestOutcome",
    "ResourcePool",
    "ResourceUnavailable",
    "UnknownResourceTypeError",
]
