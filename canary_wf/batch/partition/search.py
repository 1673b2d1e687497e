"""Finds the packing with the shortest chains of batches among those with few enough batches.

Every batch that others wait for may be left short, and the chains through it get shorter; what it does not hold makes
up further batches. How short is decided by estimates that each packing made corrects.
"""

import math
from collections.abc import Iterable

from canary_wf.batch.partition.flat import FlatPacking
from canary_wf.batch.partition.style import Profile, Style

TASKS_PACKED = 20_000
"""How many tasks all packings that are compared may hold together, about."""

MOST_TRIED = 16

MORE_TRIED = 2
"""The same in addition where none made few enough batches."""

LARGE = 200_000
"""Tasks up to which a second style is tried when the first one makes too many batches."""

OPTIMISM = 0.015
"""Share of the batches by which the first estimate is taken to be too high, and one batch more."""

Batches = list[list[int]]


class Search:
    """The packings made so far for at most `allowed` batches, and what they teach about the estimates.

    `best` has the shortest chain of those with few enough batches, `fewest` the fewest batches of all.
    """

    def __init__(self, packing: FlatPacking, profile: Profile, allowed: int, styles: Iterable[Style]) -> None:
        self._packing = packing
        self._allowed = allowed
        self._estimates = {style: profile.estimate(style) for style in styles}
        self._shortest = math.inf
        self._tried: set[tuple[int, int, float, float]] = set()
        self._off: dict[tuple[int, int], float] = {}
        self._off_at_first = -1.0 - OPTIMISM * allowed
        self.best: Batches | None = None
        self.fewest: Batches | None = None

    def run(self) -> None:
        """Pack in as many styles as the size of the problem allows."""
        count = len(self._packing.loads)
        tries = min(MOST_TRIED, max(2 if count <= LARGE else 1, TASKS_PACKED // count))
        for number in range(tries + MORE_TRIED):
            if number >= tries and (self.best is not None or count > TASKS_PACKED):
                break
            style = self._next(hopeful=self.best is not None or number < tries / 2)
            if style is None or (number and self.best is not None and count > TASKS_PACKED):
                break
            self._pack(style)

    def _next(self, *, hopeful: bool) -> Style | None:
        """Return the style to try next: with the shortest chain among those that should be few enough.

        Unless `hopeful`, the worst estimate so far says how wrong others are.
        """
        found = []
        unseen = self._off_at_first if hopeful else max(self._off.values(), default=self._off_at_first)
        for style, (count, chain) in self._estimates.items():
            if (style.cut, style.sinks, count, chain) in self._tried:
                continue
            if count + self._off.get((style.cut, style.sinks), unseen) <= self._allowed:
                middle = abs(style.cut - self._packing.graph.depth / 2)
                found.append((chain, style.fill, middle, style.cut, style.sinks, style.target, style))
        return min(found)[-1] if found else None

    def _pack(self, style: Style) -> None:
        """Pack in `style`, and note how wrong the estimate was."""
        batches = self._packing.pack(style)
        count, chain = self._estimates[style]
        self._tried.add((style.cut, style.sinks, count, chain))
        self._off[style.cut, style.sinks] = len(batches) - count
        if self.fewest is None or len(batches) < len(self.fewest):
            self.fewest = batches
        if len(batches) <= self._allowed:
            length = self._packing.critical_path(batches)
            if length < self._shortest:
                self.best, self._shortest = batches, length
