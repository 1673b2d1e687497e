"""How tight the flat layout packs: fewer batches, or shorter chains of them."""

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Literal

import msgspec

from canary_wf.batch.partition.graph import Graph

USUAL = 0.985
"""Share of its capacity that a batch usually gets filled to."""

_NOTHING = 1e-9

DEEPEST_TRIED = 64
"""Levels up to which styles are compared; deeper graphs have batches of their own for all chains or for none."""

MOST_CUTS = 9
"""Cuts compared at most."""

FILLS = tuple(step / 20 for step in range(21))


Order = Literal["matched", "mixed", "longest", "narrowest"]
"""How tasks that nothing waits for are taken: some of every kind for each batch, the longest first, or those first
that take the smallest share of a batch."""


class Style(msgspec.Struct, frozen=True):
    """One way of packing for a target in seconds.

    Tasks on chains of `cut` tasks and more have batches of their own. Of the tasks of one rank that others wait for,
    the last batch is as short as they make it, or filled up to the share `fill` of the target. On levels from `sinks`
    on, tasks that nothing waits for go with these; on the others they make up batches of their own, taken in `order`:
    `matched` as mixes of kinds that fill a batch side by side, where there are such.
    """

    target: float
    cut: int
    sinks: int
    fill: float = 0.0
    order: Order = "matched"

    @classmethod
    def tight(cls, target: float, depth: int, order: Order = "matched") -> "Style":
        """Return the style that fills every batch as far as there are tasks for it."""
        return cls(target, depth, depth, 1.0, order)


class Profile:
    """The work on each level by the height above it, from which packings are estimated without making them."""

    def __init__(self, graph: Graph, weight: Sequence[float]) -> None:
        self._depth = graph.depth
        rows: list[list[float]] = [[0.0] for _ in range(graph.depth)]
        for level, height, seconds in zip(graph.level, graph.height, weight, strict=True):
            row = rows[level]
            if height >= len(row):
                row.extend([0.0] * (height + 1 - len(row)))
            row[height] += seconds
        self._last = [row[0] for row in rows]
        # By level and height: the work of at least that height.
        self._from = [list(accumulate(reversed(row)))[::-1] for row in rows]
        self.total = sum(weight)

    def styles(self, target: float, fills: Sequence[float] = FILLS) -> list[Style]:
        """Return the styles worth comparing for a target in seconds."""
        depth = self._depth
        if depth > DEEPEST_TRIED:
            return [Style(target, depth, depth, fill) for fill in (min(fills), max(fills))]
        step = max(1, math.ceil((depth - 2) / MOST_CUTS))
        cuts = [*range(2, depth, step), depth]
        sinks = sorted({depth, depth * 2 // 3, depth // 2} - {0})
        return [Style(target, cut, sink, fill) for cut in cuts for sink in sinks for fill in fills]

    def estimate(self, style: Style) -> tuple[float, float]:
        """Return about how many batches a packing has, and how many seconds its longest chain of batches takes."""
        target, full = style.target, style.target * USUAL
        deep_chain = chain = batches = waited_for = longest = 0.0
        for rank, row in enumerate(self._from):
            everything = row[0] - (self._last[rank] if rank < style.sinks else 0.0)
            height = max(style.cut - rank, 1 if rank < style.sinks else 0)
            deep = row[height] if height < len(row) else 0.0
            deep_count, deep_length, deep_work = _line(deep, style, full)
            line_count, line_length, line_work = _line(max(everything - deep, 0.0), style, full)
            if rank < style.sinks and self._last[rank] > _NOTHING * full:
                longest = max(longest, chain + target, deep_chain + target)
            batches += deep_count + line_count
            waited_for += deep_work + line_work
            deep_chain += deep_length
            chain += line_length
        return batches + math.ceil(max(self.total - waited_for, 0.0) / full), max(chain, deep_chain, longest)


def _line(work: float, style: Style, full: float) -> tuple[int, float, float]:
    """Return how many batches tasks with `work` seconds make, how long the longest is, and what they all hold."""
    if work <= _NOTHING * full:
        return 0, 0.0, 0.0
    count = math.ceil(work / full)
    rest = work - (count - 1) * full
    filled = max(rest, style.fill * full)
    return count, style.target if count > 1 else filled, work - rest + filled
