"""The ids of one resource type, sorted by free slots, so that the best fit is found without a scan.

Best fit: the id with the fewest sufficient free slots; ties are broken by the order of the pool. The ids with free
slots are in one sorted list of ``(free slots, position)``; each change is a bisection and a move of a few pointers.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence

Entry = dict[str, str | int]
"""One id of a type: ``{"id": str, "slots": int}``."""


class FreeList:
    """The ids of one type. Updates the ``slots`` of `entries` to the free slots; nobody else may change them."""

    __slots__ = ("_capacity", "_entries", "_ids", "_levels", "_order", "_position", "_set_aside", "free")

    def __init__(self, entries: list[Entry]) -> None:
        self._entries = entries
        self._ids = [str(entry["id"]) for entry in entries]
        self._position = {name: position for position, name in enumerate(self._ids)}
        self._capacity = [int(entry.setdefault("slots", 1)) for entry in entries]
        self._levels = list(self._capacity)
        self._order = sorted((slots, position) for position, slots in enumerate(self._levels) if slots > 0)
        self._set_aside: list[tuple[int, int]] = []
        self.free = sum(self._levels)

    @property
    def largest(self) -> int:
        """The free slots of the id with most of them."""
        return self._order[-1][0] if self._order else 0

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, name: object) -> bool:
        return name in self._position

    def lent(self, name: str) -> int:
        """Return the number of lent slots of the id `name`."""
        position = self._position[name]
        return self._capacity[position] - self._levels[position]

    def give(self, name: str, slots: int) -> None:
        """Take back `slots` of the id `name`; the caller ensures that they were lent."""
        self._put(self._position[name], slots, self._order)

    def place(self, sizes: Sequence[int]) -> list[str] | None:
        """Take an id for each of `sizes` and return them in that order, or None with nothing taken.

        Items go to different ids as long as there are enough. If the sizes differ, one order or distribution may fail
        where another one fits; so the largest first, and sharing ids from the start, are tried as well.
        """
        if not sizes:
            return []
        if len(sizes) == 1:
            position = self._take(sizes[0], self._order, self._order)
            return None if position is None else [self._ids[position]]
        if sum(sizes) > self.free or max(sizes) > self.largest:
            return None
        asked = range(len(sizes))
        orders: list[Sequence[int]] = [asked]
        if len(set(sizes)) > 1:
            orders.append(sorted(asked, key=lambda item: -sizes[item]))
        for spread in (True, False)[: len(orders)]:
            for order in orders:
                if (placed := self._try(sizes, order, spread=spread)) is not None:
                    return [self._ids[placed[item]] for item in asked]
        return None

    def _try(self, sizes: Sequence[int], order: Sequence[int], *, spread: bool) -> dict[int, int] | None:
        placed: dict[int, int] = {}
        used = self._set_aside if spread else self._order
        for item in order:
            position = self._take(sizes[item], self._order, used)
            if position is None and spread:
                position = self._take(sizes[item], self._set_aside, self._set_aside)
            if position is None:
                break
            placed[item] = position
        for pair in self._set_aside:
            insort(self._order, pair)
        self._set_aside.clear()
        if len(placed) == len(sizes):
            return placed
        for item, position in placed.items():
            self._put(position, sizes[item], self._order)
        return None

    def _take(self, slots: int, source: list[tuple[int, int]], target: list[tuple[int, int]]) -> int | None:
        at = bisect_left(source, (slots, -1))
        if at == len(source):
            return None
        level, position = source.pop(at)
        if level > slots:
            insort(target, (level - slots, position))
        self._set(position, level - slots)
        return position

    def _put(self, position: int, slots: int, target: list[tuple[int, int]]) -> None:
        level = self._levels[position]
        if level > 0:
            del target[bisect_left(target, (level, position))]
        if level + slots > 0:
            insort(target, (level + slots, position))
        self._set(position, level + slots)

    def _set(self, position: int, level: int) -> None:
        self.free += level - self._levels[position]
        self._levels[position] = level
        self._entries[position]["slots"] = level
