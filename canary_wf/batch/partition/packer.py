"""Fills batches one after the other so that their simulated length keeps to a limit.

Items are what cannot be divided: a task, or with the atomic layout a component. A batch draws items by their load
until the load reaches the limit, then the reference schedule is simulated: while it is too long, items go back, and
where room is left, more are tried. All of it looks at a bounded number of items, so packing is near-linear.
"""

import math
from collections.abc import Callable, Iterator, Sequence

from canary_wf.batch.partition.open_batch import Draft, Items

LOOK = 96
"""Waiting items looked at past the first that does not fit."""

TRIES = 4
"""Attempts to use the room that a simulation shows, for each limited resource."""

FULL = 0.995
"""Share of the limit from which on a batch counts as full."""

PART = 6
"""Batches that a part of the items fills at least."""

ROOMY = 0.97
"""Share of the limit below which many items are tried at once, not the best one."""

SLACK = 1e-9
"""Relative rounding error allowed between two sums of the same run times."""

Measure = Callable[[Sequence[int], float], tuple[float, list[int], list[int]]]
"""From items and a limit in seconds to the simulated length, the items that start beyond the limit, and those that
start before it and end beyond; both in the order in which they should go."""


class Packer:
    """Packs `items` into batches that `measure` finds short enough.

    `returned` is how much of its excess length a batch gives back as load at first; each further round gives back more.
    """

    def __init__(self, items: Items, measure: Measure, returned: float) -> None:
        self.items = items
        self._measure = measure
        self._returned = returned

    def length(self, items: Sequence[int]) -> float:
        """Return the simulated length in seconds of `items` as one batch."""
        return self._measure(items, float("inf"))[0]

    def batch(self, limit: float, seeds: Sequence[int], sources: Sequence[list[int]]) -> list[int]:
        """Return a batch of `seeds` and of items taken from `sources` (their last entries first).

        The simulated length is at most `limit` seconds, unless the seeds alone are longer.
        """
        draft = Draft(self.items, limit, seeds)
        drawn = self._draw(draft, sources)
        if draft.load < ROOMY * limit and draft.loosen():
            drawn |= self._draw(draft, sources)
        if not drawn:
            return draft.chosen
        return self._filled(draft, sources, max(map(self.items.alone.__getitem__, seeds), default=0.0))

    def mended(self, limit: float, items: Sequence[int], pool: list[int]) -> list[int]:
        """Return `items` as a batch that keeps to `limit` seconds: what is too much goes to `pool`, room is used by it.

        No item is longer than `limit`.
        """
        draft = Draft(self.items, limit)
        for item in items:
            draft.add(item, pool)
        return self._filled(draft, [pool], 0.0)

    def _filled(self, draft: Draft, sources: Sequence[list[int]], alone: float) -> list[int]:
        """Return what `draft` holds once it is short enough and full; its longest seed takes `alone` seconds."""
        limit = draft.limit
        length = self._shorten(draft)
        best, kept = draft.load, list(draft.chosen)
        # Beside a seed that takes all the time, the length says nothing about room.
        full = FULL * limit if alone < FULL * limit else math.inf
        for _ in range(TRIES * max(1, len(self.items.shares))):
            draft.loosen()
            if length >= full or draft.load >= FULL * limit:
                break
            if not (self._draw(draft, sources) if draft.load < ROOMY * limit else self._grow(draft, sources)):
                break
            length = self._shorten(draft)
            if draft.load >= best:
                best, kept = draft.load, list(draft.chosen)
        if draft.load < best:
            draft.restore(kept)
        return draft.chosen

    def parted(self, limit: float, line: Sequence[int], parts: Sequence[int]) -> list[list[int]]:
        """Return `line` divided into lists, in its order, that fill about `PART` batches each.

        `parts` has for each item a number that has nothing to do with the others; items whose numbers end alike are one
        part, so that one item more changes one part. With several resources there is one part, as the mix matters more.
        """
        weight = self.items.weight
        filled = sum(weight[item] for item in line) / limit if len(self.items.shares) == 1 else 0.0
        count = 1 << max(0, int(min(filled, len(line)) / PART).bit_length() - 1)
        shares: list[list[int]] = [[] for _ in range(count)]
        for item in line:
            shares[parts[item] % count].append(item)
        return shares

    def batches(
        self,
        limit: float,
        shares: Sequence[list[int]],
        evenly: Callable[[Sequence[int]], list[int]],
        stock: Sequence[list[int]],
    ) -> Iterator[list[int]]:
        """Yield batches that use up `shares`, taken from their ends, and may take items of `stock`.

        Each share makes up batches of its own, and what is left over of all of them, put in order by `evenly`, makes up
        the last ones.
        """
        weight = self.items.weight
        line: list[int] = []
        for share in shares:
            left = sum(weight[item] for item in share) if len(shares) > 1 else 0.0
            while share and left > limit:
                batch = self.batch(limit, [share.pop()], [share])
                left -= sum(weight[item] for item in batch)
                yield batch
            line.extend(share)
            share.clear()
        line = evenly(sorted(line)) if len(shares) > 1 else line
        while line:
            yield self.batch(limit, [line.pop()], [line, *stock])

    def _draw(self, draft: Draft, sources: Sequence[list[int]]) -> bool:
        """Take items that fit by load from the ends of `sources`; return whether there were any."""
        before = len(draft.chosen)
        for source in sources:
            place, passed = len(source) - 1, 0
            while place >= 0 and passed <= LOOK and draft.open(FULL):
                if source[place] not in draft.refused and draft.fits(source[place]):
                    draft.add(source.pop(place), source)
                else:
                    passed += 1
                place -= 1
        return len(draft.chosen) > before

    def _shorten(self, draft: Draft) -> float:
        """Give items back until the simulated length keeps to the limit; return the length."""
        limit = draft.limit * (1 + SLACK)
        rounds = 0
        while True:
            length, beyond, straddling = self._measure(draft.chosen, limit)
            if length <= limit or not draft.origin or len(draft.chosen) == 1:
                return length
            rounds += 1
            if draft.give_back([item for item in beyond if item in draft.origin]):
                continue
            light = draft.lightest(length - draft.limit) if rounds == 1 else None
            late = [item for item in straddling if item in draft.origin] if light is None else [light]
            # What stays moves up, so less than the excess may do; more when that has not been enough.
            if not draft.give_back(self._up_to(late, (length - draft.limit) * rounds * self._returned)):
                draft.give_back(list(draft.origin)[-(2**rounds) :])

    def _up_to(self, items: Sequence[int], weight: float) -> Sequence[int]:
        """Return as many of the first `items` as have `weight` seconds of load together, at least one."""
        total = 0.0
        for number, item in enumerate(items):
            total += self.items.weight[item]
            if total >= weight:
                return items[: number + 1]
        return items

    def _grow(self, draft: Draft, sources: Sequence[list[int]]) -> bool:
        """Add the heaviest item within reach that fits by load; return whether there was one."""
        for source in sources:
            best, found = -1.0, -1
            for place in range(len(source) - 1, max(len(source) - 1 - LOOK, -1), -1):
                weight = self.items.weight[source[place]]
                if weight > best and source[place] not in draft.refused and draft.fits(source[place]):
                    best, found = weight, place
            if found >= 0:
                draft.add(source.pop(found), source)
                return True
        return False
