"""How tight the flat layout packs: fewer batches, or shorter chains of them."""

import math
from collections.abc import Sequence

import msgspec

from canary_wf.batch.partition.graph import Graph

USUAL = 0.985
"""Share of its capacity that a batch usually gets filled to."""

DEEPEST_TRIED = 64
"""Levels up to which places for the cut are compared; deeper graphs are all cut or not at all."""


class Style(msgspec.Struct, frozen=True):
    """One way of packing for a target in seconds.

    `tight` fills every batch as far as there are tasks for it. Otherwise batches that others wait for stay as short as
    their own level makes them, and tasks on chains of more than `cut` tasks have batches of their own.
    """

    target: float
    cut: int
    tight: bool = False

    def fills_line(self, rank: int, depth: int) -> bool:
        """Return whether the last batch of a rank that others wait for is filled up.

        Below the cut it is, for others of the rank are as long anyway.
        """
        return self.tight or rank < self.cut < depth

    def fills_last(self, rank: int) -> bool:
        """Return whether the last batch of a rank that nobody waits for is filled up."""
        return self.tight or rank < self.cut


class Profile:
    """The work on each level by the height above it, from which packings are estimated without making them."""

    def __init__(self, graph: Graph, weight: Sequence[float]) -> None:
        self._depth = graph.depth
        self._work: list[dict[int, float]] = [{} for _ in range(graph.depth)]
        for level, height, seconds in zip(graph.level, graph.height, weight, strict=True):
            row = self._work[level]
            row[height] = row.get(height, 0.0) + seconds
        self.total = sum(weight)

    def cuts(self) -> list[int]:
        """Return the cuts worth comparing; the last one is none at all."""
        middle = range(2, self._depth) if self._depth <= DEEPEST_TRIED else ()
        return [*middle, self._depth]

    def estimate(self, target: float, cut: int) -> tuple[float, float]:
        """Return about how many batches a packing has, and how many seconds its longest chain of batches takes."""
        style = Style(target, cut)
        fill = target * USUAL
        batches = filled = deep_chain = chain = 0.0
        for rank, row in enumerate(self._work):
            deep = sum(work for height, work in row.items() if height and rank + height >= cut)
            last = row.get(0, 0.0)
            line = sum(row.values()) - deep - last
            batches += math.ceil(deep / fill)
            deep_chain += min(target, deep)
            for work, full in ((line, style.fills_line(rank, self._depth)), (last, style.fills_last(rank))):
                if full:
                    filled += work / fill
                else:
                    batches += math.ceil(work / fill)
            rest = line + last
            chain += target if rest and rank < cut < self._depth else min(target, rest)
        return batches + math.ceil(filled), max(chain, deep_chain)
