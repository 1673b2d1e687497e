"""A given number of batches: finds the shortest target whose packing has no more of them than asked for.

The lengths come out balanced, because all batches are filled to one target.
"""

from collections.abc import Callable, Sequence

import msgspec

from canary_wf.batch.partition.flat import FEW, FlatPacking
from canary_wf.batch.partition.style import Profile, Style

FINEST = 0.004
"""Relative step by which the target first grows."""

SAME_STEPS = 3
"""Steps of that size before they double."""

MOST_STEPS = 40

CAUTION = 0.9
"""Share of the surplus by which the target of a flat packing grows at least."""

HALVED = 5
"""How often the last step towards a target is halved when there are few tasks."""

LOOSENESS = 1.2
"""How much longer than packed tightly batches may get for the sake of shorter chains of batches."""

OPTIMISM = 1.06
"""Estimates count a few batches more than packing then makes."""

EARLIER = 0.93
"""Share of the mean to start at where long tasks make some batches long anyway."""

TRIED = 3
"""Loose styles compared by what they really give."""

MANY = 20_000
"""Tasks from which on only the style estimated as best is tried."""

Batches = list[list[int]]


def fewest(
    pack: Callable[[float], Batches],
    weight: Sequence[float],
    count: int,
    start: float,
    longest: float,
    *,
    caution: float = CAUTION,
) -> Batches | None:
    """Return the batches of the first target from `start` to `longest` seconds that makes at most `count` of them.

    `weight` is the load of each task in seconds; what the surplus batches hold says how far off a target is. The target
    grows by at least `caution` times what would take that in.
    """
    target, step, below = start, FINEST, 0.0
    for number in range(MOST_STEPS):
        batches = pack(min(target, longest))
        if len(batches) <= count:
            return _refined(pack, count, below, target, batches) if len(weight) <= FEW and below else batches
        if target >= longest:
            return None
        below = target
        loads = sorted(sum(weight[task] for task in batch) for batch in batches)
        surplus = sum(loads[: len(batches) - count])
        # A step that goes too far is taken back only where that costs little.
        target *= max(1 + step, 1 + caution * surplus / (count * target))
        if number >= SAME_STEPS:
            step *= 2
    batches = pack(longest)
    return batches if len(batches) <= count else None


def _refined(pack: Callable[[float], Batches], count: int, below: float, target: float, batches: Batches) -> Batches:
    """Return the batches of the smallest target found by halving the way from `below`, which is too small."""
    for _ in range(HALVED):
        middle = (below + target) / 2
        shorter = pack(middle)
        if len(shorter) <= count:
            target, batches = middle, shorter
        else:
            below = middle
    return batches


def _loose_styles(profile: Profile, count: int, mean: float) -> list[Style]:
    """Return the styles estimated to make at most `count` batches, the one with the shortest chains of them first."""
    found = []
    for shape in profile.styles(mean, fills=(0.0,)):
        style = shape
        while profile.estimate(style)[0] > count * OPTIMISM and style.target <= mean * LOOSENESS:
            style = msgspec.structs.replace(style, target=style.target * 1.01)
        if style.target <= mean * LOOSENESS:
            found.append((profile.estimate(style)[1], style.cut, style.sinks, style))
    return [style for *_, style in sorted(found)]


def balanced(packing: FlatPacking, profile: Profile, count: int, mean: float) -> Batches | None:
    """Return at most `count` flat batches of lengths as equal as dependencies allow, or None when it cannot be.

    `mean` is the load in seconds of a batch if all were equal.
    """
    problem, depth = packing.problem, packing.graph.depth
    # Batches that a long task makes long hold more than the mean, the others may do with less.
    start = mean * (EARLIER if depth > 1 and max(problem.runtimes) > mean else 1.0 + FINEST)
    candidates = []
    if depth > 1:
        tried = 1 if len(problem) > MANY else TRIED
        for style in _loose_styles(profile, count, start)[:tried]:
            found = _loose(packing, profile, style, count, mean * LOOSENESS)
            if found is not None:
                candidates.append(found)
    if candidates:
        return min(candidates, key=packing.critical_path)
    return fewest(
        packing.tight,
        packing.packer.items.weight,
        count,
        start,
        sum(problem.runtimes) + 1.0,
    )


def _loose(packing: FlatPacking, profile: Profile, style: Style, count: int, longest: float) -> Batches | None:
    """Return at most `count` batches packed in `style` or for a longer target, up to `longest` seconds, or None.

    How wrong the estimate was for one target corrects it for the next one.
    """
    while style.target <= longest:
        batches = packing.pack(style)
        if len(batches) <= count:
            return batches
        correction = len(batches) / max(1.0, profile.estimate(style)[0])
        style = _longer(style)
        while style.target <= longest and profile.estimate(style)[0] * correction > count + 0.5:
            style = _longer(style)
    return None


def _longer(style: Style) -> Style:
    return msgspec.structs.replace(style, target=style.target * (1 + FINEST))
