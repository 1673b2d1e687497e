"""Fills batches one after the other, and keeps their simulated length below a limit.

An item is indivisible: a task, or with the atomic layout a component. A batch draws items by their load until the load
reaches the limit. Then the reference schedule is simulated: while it is too long, items go back; while room is left,
more items are tried. Each step examines a bounded number of items, so packing is near-linear.
"""

import math
from collections.abc import Callable, Iterator, Sequence

from canary_wf.batch.partition.open_batch import Items, OpenBatch

LOOK = 96
"""Number of waiting items examined beyond the first that does not fit."""

TRIES = 4
"""Attempts for each limited resource to use the room that a simulation shows."""

FULL = 0.995
"""Share of the limit at which a batch counts as full."""

BATCHES_PER_PART = 6
"""Smallest number of batches that a part of the items fills."""

ROOMY = 0.97
"""Share of the limit below which many items are tried at once instead of the best one."""

SLACK = 1e-9
"""Relative rounding error allowed between two sums of the same run times."""

Measure = Callable[[Sequence[int], float], tuple[float, list[int], list[int]]]
"""A function of items and a limit in seconds. It returns the simulated length, the items that start beyond the limit,
and the items that start before and end beyond it, both in the order in which they should be given back."""


class Packer:
    """Packs `items` into batches that `measure` finds short enough.

    `returned` is the share of its excess length that a batch first gives back as load. Each further round gives back
    more.
    """

    def __init__(self, items: Items, measure: Measure, returned: float) -> None:
        self.items = items
        self._measure = measure
        self._returned = returned

    def length(self, items: Sequence[int]) -> float:
        """Return the simulated length in seconds of `items` as one batch."""
        return self._measure(items, float("inf"))[0]

    def batch(self, limit: float, seeds: Sequence[int], sources: Sequence[list[int]]) -> list[int]:
        """Return a batch of `seeds` and of items taken from `sources`, last entries first.

        The simulated length is at most `limit` seconds, unless the seeds alone are longer.
        """
        open_batch = OpenBatch(self.items, limit, seeds)
        drawn = self._draw(open_batch, sources)
        if open_batch.load < ROOMY * limit and open_batch.loosen():
            drawn |= self._draw(open_batch, sources)
        if not drawn:
            return open_batch.chosen
        return self._filled(open_batch, sources, max(map(self.items.alone.__getitem__, seeds), default=0.0))

    def repaired(self, limit: float, items: Sequence[int], pool: list[int]) -> list[int]:
        """Return `items` as a batch of at most `limit` seconds.

        Surplus items go to `pool`, and items of `pool` fill the remaining room. No item is longer than `limit`.
        """
        open_batch = OpenBatch(self.items, limit)
        for item in items:
            open_batch.add(item, pool)
        return self._filled(open_batch, [pool], 0.0)

    def _filled(self, open_batch: OpenBatch, sources: Sequence[list[int]], alone: float) -> list[int]:
        """Make `open_batch` short enough and full, and return its items. Its longest seed takes `alone` seconds."""
        limit = open_batch.limit
        length = self._shorten(open_batch)
        best, kept = open_batch.load, list(open_batch.chosen)
        # If a seed takes the whole time, the length does not show whether there is room beside it.
        full = FULL * limit if alone < FULL * limit else math.inf
        for _ in range(TRIES * max(1, len(self.items.shares))):
            open_batch.loosen()
            if length >= full or open_batch.load >= FULL * limit:
                break
            if not (
                self._draw(open_batch, sources) if open_batch.load < ROOMY * limit else self._grow(open_batch, sources)
            ):
                break
            length = self._shorten(open_batch)
            if open_batch.load >= best:
                best, kept = open_batch.load, list(open_batch.chosen)
        if open_batch.load < best:
            open_batch.restore(kept)
        return open_batch.chosen

    def split(self, limit: float, queue: Sequence[int], hashes: Sequence[int]) -> list[list[int]]:
        """Split `queue` into lists, in its order, that fill about `BATCHES_PER_PART` batches each.

        `hashes` has a hash of each item. The low bits choose the part, so that one more item changes one part only.
        With several resources there is only one part, because the mixture of items matters more.
        """
        weight = self.items.weight
        filled = sum(weight[item] for item in queue) / limit if len(self.items.shares) == 1 else 0.0
        count = 1 << max(0, int(min(filled, len(queue)) / BATCHES_PER_PART).bit_length() - 1)
        parts: list[list[int]] = [[] for _ in range(count)]
        for item in queue:
            parts[hashes[item] % count].append(item)
        return parts

    def batches(
        self,
        limit: float,
        parts: Sequence[list[int]],
        evenly: Callable[[Sequence[int]], list[int]],
        stock: Sequence[list[int]],
    ) -> Iterator[list[int]]:
        """Yield batches that use up `parts`, taken from their ends. They may also take items of `stock`.

        Each part makes its own batches. The remaining items of all parts, ordered by `evenly`, make the last batches.
        """
        weight = self.items.weight
        queue: list[int] = []
        for part in parts:
            left = sum(weight[item] for item in part) if len(parts) > 1 else 0.0
            while part and left > limit:
                batch = self.batch(limit, [part.pop()], [part])
                left -= sum(weight[item] for item in batch)
                yield batch
            queue.extend(part)
            part.clear()
        queue = evenly(sorted(queue)) if len(parts) > 1 else queue
        while queue:
            yield self.batch(limit, [queue.pop()], [queue, *stock])

    def _draw(self, open_batch: OpenBatch, sources: Sequence[list[int]]) -> bool:
        """Take items that fit by load from the ends of `sources`. Return whether any item was taken."""
        before = len(open_batch.chosen)
        for source in sources:
            position, passed = len(source) - 1, 0
            while position >= 0 and passed <= LOOK and open_batch.has_room(FULL):
                if source[position] not in open_batch.refused and open_batch.fits(source[position]):
                    open_batch.add(source.pop(position), source)
                else:
                    passed += 1
                position -= 1
        return len(open_batch.chosen) > before

    def _shorten(self, open_batch: OpenBatch) -> float:
        """Give items back until the simulated length is within the limit. Return the length."""
        limit = open_batch.limit * (1 + SLACK)
        rounds = 0
        while True:
            length, beyond, straddling = self._measure(open_batch.chosen, limit)
            if length <= limit or not open_batch.origin or len(open_batch.chosen) == 1:
                return length
            rounds += 1
            if open_batch.give_back([item for item in beyond if item in open_batch.origin]):
                continue
            light = open_batch.lightest(length - open_batch.limit) if rounds == 1 else None
            late = [item for item in straddling if item in open_batch.origin] if light is None else [light]
            # The remaining items move up, so giving back less than the excess may be enough. Later rounds give more.
            if not open_batch.give_back(self._up_to(late, (length - open_batch.limit) * rounds * self._returned)):
                open_batch.give_back(list(open_batch.origin)[-(2**rounds) :])

    def _up_to(self, items: Sequence[int], weight: float) -> Sequence[int]:
        """Return the first `items` whose load adds up to `weight` seconds, at least one."""
        total = 0.0
        for number, item in enumerate(items):
            total += self.items.weight[item]
            if total >= weight:
                return items[: number + 1]
        return items

    def _grow(self, open_batch: OpenBatch, sources: Sequence[list[int]]) -> bool:
        """Add the heaviest of the examined items that fits by load. Return whether there was one."""
        for source in sources:
            best, found = -1.0, -1
            for position in range(len(source) - 1, max(len(source) - 1 - LOOK, -1), -1):
                weight = self.items.weight[source[position]]
                if weight > best and source[position] not in open_batch.refused and open_batch.fits(source[position]):
                    best, found = weight, position
            if found >= 0:
                open_batch.add(source.pop(found), source)
                return True
        return False
