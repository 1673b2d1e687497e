"""A target duration: finds the packing with the shortest chains of batches among those with few enough batches.

Every batch that others wait for may be left short, and the chains through it get shorter; what it does not hold makes
up further batches. How short is decided by estimates that each packing made corrects.
"""

import math

from canary_wf.batch.partition.flat import FlatPacking
from canary_wf.batch.partition.style import Profile, Style

ALLOWANCE = 1.05
"""How many times the nominal number of batches may be made for the sake of shorter chains of batches."""

TASKS_PACKED = 30_000
"""How many tasks all packings that are compared may hold together, about."""

MOST_TRIED = 16

OPTIMISM = 0.015
"""Share of the batches by which the first estimate is taken to be too high, and one batch more."""

Batches = list[list[int]]


def to_duration(packing: FlatPacking, profile: Profile, duration: float, nominal: int) -> Batches:
    """Return flat batches for a target of `duration` seconds; `nominal` is how many there would be, ideally."""
    depth = packing.graph.depth
    if depth == 1:
        return packing.tight(duration)
    allowed = math.floor(nominal * ALLOWANCE + 1e-9)
    search = _Search(packing, profile, allowed)
    tries = min(MOST_TRIED, max(1, TASKS_PACKED // len(packing.loads)))
    for number in range(tries):
        style = search.next(duration, hopeful=search.best is not None or number <= tries / 2)
        if style is None:
            break
        search.pack(style)
    if search.best is not None:
        return search.best
    batches = packing.tight(duration)
    return min(batches, search.fewest, key=len) if search.fewest else batches


class _Search:
    """The packings made so far, and what they teach about the estimates."""

    def __init__(self, packing: FlatPacking, profile: Profile, allowed: int) -> None:
        self._packing = packing
        self._profile = profile
        self._allowed = allowed
        self._shortest = math.inf
        self._tried: set[tuple[int, int, float, float]] = set()
        self._off: dict[tuple[int, int], float] = {}
        self._off_at_first = -1.0 - OPTIMISM * allowed
        self.best: Batches | None = None
        self.fewest: Batches | None = None

    def next(self, duration: float, *, hopeful: bool) -> Style | None:
        """Return the style to try next: with the shortest chain among those that should be few enough.

        Unless `hopeful`, the worst estimate so far says how wrong others are.
        """
        found = []
        unseen = self._off_at_first if hopeful else max(self._off.values(), default=self._off_at_first)
        for style in self._profile.styles(duration):
            count, chain = self._profile.estimate(style)
            if (style.cut, style.sinks, count, chain) in self._tried:
                continue
            if count + self._off.get((style.cut, style.sinks), unseen) <= self._allowed:
                middle = abs(style.cut - self._packing.graph.depth / 2)
                found.append((chain, style.fill, middle, style.cut, style.sinks, style))
        return min(found)[-1] if found else None

    def pack(self, style: Style) -> None:
        """Pack in `style`, and note how wrong the estimate was."""
        batches = self._packing.pack(style)
        count, chain = self._profile.estimate(style)
        self._tried.add((style.cut, style.sinks, count, chain))
        self._off[style.cut, style.sinks] = len(batches) - count
        if self.fewest is None or len(batches) < len(self.fewest):
            self.fewest = batches
        if len(batches) <= self._allowed:
            length = self._packing.critical_path(batches)
            if length < self._shortest:
                self.best, self._shortest = batches, length
