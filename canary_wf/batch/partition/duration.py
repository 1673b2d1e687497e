"""A target duration: few batches, and among these those with the shortest chains."""

import math

from canary_wf.batch.partition.flat import FlatPacking
from canary_wf.batch.partition.search import Batches, Search
from canary_wf.batch.partition.sequence import sequence
from canary_wf.batch.partition.style import Profile

ALLOWANCE = 1.05
"""How many times the nominal number of batches may be made for the sake of shorter chains of batches."""


def to_duration(packing: FlatPacking, profile: Profile, duration: float, nominal: int) -> Batches:
    """Return flat batches for a target of `duration` seconds; `nominal` is how many there would be, ideally."""
    if packing.graph.depth == 1:
        return packing.tight(duration)
    allowed = math.floor(nominal * ALLOWANCE + 1e-9)
    search = Search(packing, profile, allowed, profile.styles(duration))
    search.run()
    if search.best is not None:
        return search.best
    one_chain = sequence(packing, duration, allowed)
    if one_chain is not None:
        return one_chain
    batches = packing.tight(duration)
    return min(batches, search.fewest, key=len) if search.fewest else batches
