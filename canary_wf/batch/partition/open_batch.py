"""A batch while it is being filled: its items, their total load, and a test whether another item fits."""

from collections.abc import Iterable, Sequence
from typing import Self

import msgspec

_ROUNDING = 1e-12

LEEWAY = 0.02
"""Share of the limit by which a batch may hold more of a resource than all items do on average."""


class Items(msgspec.Struct, frozen=True):
    """The items to pack. The first three fields have one entry for each item; all times are in seconds.

    `loads`: run time times the share of one batch, for each limited resource. `alone`: the length of the item by
    itself. `weight`: its largest load. `shares`: the total load of each resource, relative to the scarcest.
    """

    loads: Sequence[tuple[float, ...]]
    alone: Sequence[float]
    weight: Sequence[float]
    shares: Sequence[float]

    @classmethod
    def of(cls, loads: Sequence[tuple[float, ...]], alone: Sequence[float]) -> Self:
        """Return items with their weight, which is 0 if no resource is limited."""
        totals = [sum(column) for column in zip(*loads, strict=True)]
        most = max(totals, default=0.0)
        shares = [total / most if most else 1.0 for total in totals]
        return cls(loads, alone, [max(load, default=0.0) for load in loads], shares)


class OpenBatch:
    """A batch that is being filled. `limit` is its longest allowed length in seconds.

    `origin` has for each item that may go back the list it was taken from. The seeds stay. `refused` are items that
    the simulation removed.
    """

    def __init__(self, items: Items, limit: float, seeds: Iterable[int] = ()) -> None:
        self.limit = limit
        self.chosen: list[int] = []
        self.origin: dict[int, list[int]] = {}
        self.refused: set[int] = set()
        self._home: dict[int, list[int]] = {}
        self._items = items
        self._used = [0.0] * len(items.shares)
        self._allowed = [min(1.0, share + LEEWAY) * limit for share in items.shares]
        self._longest, self._longest_item = -1.0, -1
        self._room: list[float] = []
        self._serial = 0.0
        for item in seeds:
            self._put(item)

    @property
    def load(self) -> float:
        """The largest load of any resource, in seconds."""
        return max(self._used, default=0.0)

    def has_room(self, share: float) -> bool:
        """Return whether less than `share` of the limit of some resource is used."""
        return (
            any(used < share * allowed for used, allowed in zip(self._used, self._allowed, strict=True))
            or not self._used
        )

    def loosen(self) -> bool:
        """Allow every resource to be used up to the limit from now on. Return whether that changes anything."""
        before, self._allowed = self._allowed, [self.limit] * len(self._allowed)
        return before != self._allowed

    def fits(self, item: int) -> bool:
        """Return whether the limit leaves room for `item`, by its load and beside the longest item.

        Items wider than half of the batch, and wider than the room beside the longest item, run one after the other and
        before or after the longest item.
        """
        items, limit = self._items, self.limit
        alone = items.alone[item]
        if alone > limit:
            return False
        for used, load, allowed in zip(self._used, items.loads[item], self._allowed, strict=True):
            if used + load > allowed:
                return False
        return not self._collides(item) or max(self._longest, alone) + self._serial_with(item) <= limit

    def add(self, item: int, source: list[int]) -> None:
        """Put `item` into the batch. It goes to `source` if it is given back."""
        self._put(item)
        self.origin[item] = self._home[item] = source

    def give_back(self, items: Sequence[int]) -> int:
        """Return `items` to their sources, refuse them from now on, and return how many were given back.

        The batch keeps at least one item.
        """
        items = items[: len(self.chosen) - 1]
        if not items:
            return 0
        self.refused.update(items)
        self._remove(items)
        return len(items)

    def restore(self, chosen: Sequence[int]) -> None:
        """Restore the earlier content `chosen`: take back what was given back since, and give back what was added."""
        now = set(self.chosen)
        for item in chosen:
            if item not in now:
                source = self._home[item]
                position = len(source) - 1
                while source[position] != item:
                    position -= 1
                del source[position]
                self.add(item, source)
        kept_items = set(chosen)
        self._remove([item for item in self.chosen if item not in kept_items])

    def _remove(self, items: Sequence[int]) -> None:
        gone = set(items)
        for item in items:
            self.origin.pop(item).append(item)
        kept = [item for item in self.chosen if item not in gone]
        if self._longest_item in gone:
            self.chosen, self._used, self._longest, self._serial = [], [0.0] * len(self._used), -1.0, 0.0
            for item in kept:
                self._put(item)
            return
        self.chosen = kept
        for item in items:
            for position, amount in enumerate(self._items.loads[item]):
                self._used[position] -= amount
            if self._collides(item):
                self._serial -= self._items.alone[item]

    def lightest(self, weight: float) -> int | None:
        """Return the lightest item that may go back and has at least `weight` seconds of load."""
        weights = self._items.weight
        heavy = (item for item in self.origin if weights[item] >= weight)
        return min(heavy, key=lambda item: (weights[item], item), default=None)

    def _put(self, item: int) -> None:
        items = self._items
        alone, load = items.alone[item], items.loads[item]
        self.chosen.append(item)
        for position, amount in enumerate(load):
            self._used[position] += amount
        if alone > self._longest:
            self._longest, self._longest_item = alone, item
            self._room = [max(1.0 - amount / alone, 0.5) + _ROUNDING for amount in load] if alone else [1.0] * len(load)
            self._serial = sum(items.alone[other] for other in self.chosen if other != item and self._collides(other))
        elif self._collides(item):
            self._serial += alone

    def _collides(self, item: int) -> bool:
        """Return whether `item` can run neither beside the longest item nor beside another item that collides."""
        alone = self._items.alone[item]
        for room, load in zip(self._room, self._items.loads[item], strict=False):  # noqa: SIM110 - half the time
            if load > room * alone:
                return True
        return False

    def _serial_with(self, item: int) -> float:
        return self._serial + min(self._items.alone[item], self._longest)
