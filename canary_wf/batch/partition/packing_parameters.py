"""Parameters of the flat packing, which trade fewer batches for shorter chains of batches, and their estimates."""

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Literal

import msgspec

from canary_wf.batch.partition.graph import Graph

USUAL = 0.985
"""Usual fill of a batch, as a share of its capacity."""

_NOTHING = 1e-9

DEEPEST_TRIED = 64
"""Largest depth for which cuts are compared. Deeper graphs separate no chains."""

MOST_CUTS = 9
"""Largest number of cuts that are compared."""

FILLS = tuple(step / 20 for step in range(21))


Order = Literal["matched", "mixed", "longest", "narrowest"]
"""The order in which sinks are taken: `mixed` takes an even mixture, `matched` first packs patterns of shapes and then
takes a mixture, `longest` takes the longest first, and `narrowest` those with the smallest share of a batch."""


class PackingParameters(msgspec.Struct, frozen=True):
    """The parameters of one packing for a `target` in seconds.

    Tasks on chains of at least `cut` tasks get batches of their own. The last batch of the tasks of a rank that others
    wait for is as short as they are, or filled up to the share `fill` of the target. From level `sinks` on, sinks share
    batches with these tasks. On lower levels sinks make batches of their own, taken in `order`.
    """

    target: float
    cut: int
    sinks: int
    fill: float = 0.0
    order: Order = "matched"

    @classmethod
    def tight(cls, target: float, depth: int, order: Order = "matched") -> "PackingParameters":
        """Return the parameters that fill every batch as long as there are tasks for it."""
        return cls(target, depth, depth, 1.0, order)


class WorkProfile:
    """The work on each level by height. Packings are estimated from it without making them."""

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

    def candidates(self, target: float, fills: Sequence[float] = FILLS) -> list[PackingParameters]:
        """Return the parameters worth comparing for a target in seconds."""
        depth = self._depth
        if depth > DEEPEST_TRIED:
            return [PackingParameters(target, depth, depth, fill) for fill in (min(fills), max(fills))]
        step = max(1, math.ceil((depth - 2) / MOST_CUTS))
        cuts = [*range(2, depth, step), depth]
        sinks = sorted({depth, depth * 2 // 3, depth // 2} - {0})
        return [PackingParameters(target, cut, sink, fill) for cut in cuts for sink in sinks for fill in fills]

    def estimate(self, parameters: PackingParameters) -> tuple[float, float]:
        """Return the estimated number of batches of a packing, and of seconds that its longest chain takes."""
        target, full = parameters.target, parameters.target * USUAL
        deep_chain = chain = batches = waited_for = longest = 0.0
        for rank, row in enumerate(self._from):
            everything = row[0] - (self._last[rank] if rank < parameters.sinks else 0.0)
            height = max(parameters.cut - rank, 1 if rank < parameters.sinks else 0)
            deep = row[height] if height < len(row) else 0.0
            deep_count, deep_length, deep_work = _filled(deep, parameters, full)
            line_count, line_length, line_work = _filled(max(everything - deep, 0.0), parameters, full)
            if rank < parameters.sinks and self._last[rank] > _NOTHING * full:
                longest = max(longest, chain + target, deep_chain + target)
            batches += deep_count + line_count
            waited_for += deep_work + line_work
            deep_chain += deep_length
            chain += line_length
        return batches + math.ceil(max(self.total - waited_for, 0.0) / full), max(chain, deep_chain, longest)


def _filled(work: float, parameters: PackingParameters, full: float) -> tuple[int, float, float]:
    """Return how many batches tasks with `work` seconds make, the length of the longest, and the work in them."""
    if work <= _NOTHING * full:
        return 0, 0.0, 0.0
    count = math.ceil(work / full)
    rest = work - (count - 1) * full
    filled = max(rest, parameters.fill * full)
    return count, parameters.target if count > 1 else filled, work - rest + filled
