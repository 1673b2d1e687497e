"""An order of items in which every stretch looks like the whole: the same mix of long and short, of wide and narrow."""

import math
from collections.abc import Sequence


def interleaved(items: Sequence[int], loads: Sequence[tuple[float, ...]], alone: Sequence[float]) -> list[int]:
    """Return `items` so that each stretch has the same share of every class.

    A class is the resource an item needs most of, and the powers of two of its length in seconds and of its load.
    Within a class the order is that of `items`.
    """
    classes: dict[tuple[int, int, int], list[int]] = {}
    for item in items:
        load = loads[item]
        most = max(load, default=0.0)
        key = (load.index(most) if load else 0, math.frexp(alone[item])[1], math.frexp(most)[1])
        classes.setdefault(key, []).append(item)
    placed = [
        ((number + 0.5) / len(members), key, item)
        for key, members in classes.items()
        for number, item in enumerate(members)
    ]
    placed.sort()
    return [item for _, _, item in placed]
