"""A given number of batches: finds the shortest target whose packing has no more of them than asked for.

The lengths come out balanced, because all batches are filled to one target.
"""

from collections.abc import Callable, Sequence

from canary_wf.batch.partition.flat import FlatPacking
from canary_wf.batch.partition.style import Profile, Style

FINEST = 0.004
"""Relative step by which the target first grows."""

SAME_STEPS = 3
"""Steps of that size before they double."""

MOST_STEPS = 40

CAUTION = 0.9
"""Share of the surplus by which the target grows at least."""

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
    pack: Callable[[float], Batches], weight: Sequence[float], count: int, start: float, longest: float
) -> Batches | None:
    """Return the batches of the first target from `start` to `longest` seconds that makes at most `count` of them.

    `weight` is the load of each task in seconds; what the surplus batches hold says how far off a target is.
    """
    target, step = start, FINEST
    for number in range(MOST_STEPS):
        batches = pack(min(target, longest))
        if len(batches) <= count:
            return batches
        if target >= longest:
            return None
        loads = sorted(sum(weight[task] for task in batch) for batch in batches)
        surplus = sum(loads[: len(batches) - count])
        # A step that goes too far would not be taken back.
        target *= max(1 + step, 1 + CAUTION * surplus / (count * target))
        if number >= SAME_STEPS:
            step *= 2
    batches = pack(longest)
    return batches if len(batches) <= count else None


def _loose_styles(profile: Profile, count: int, mean: float) -> list[Style]:
    """Return the styles estimated to make at most `count` batches, the one with the shortest chains of them first."""
    found = []
    for cut in profile.cuts():
        target = mean
        while profile.estimate(target, cut)[0] > count * OPTIMISM and target <= mean * LOOSENESS:
            target *= 1.01
        if target <= mean * LOOSENESS:
            found.append((profile.estimate(target, cut)[1], cut, target))
    return [Style(target, cut) for _, cut, target in sorted(found)]


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
        lambda target: packing.pack(Style(target, depth, tight=True)),
        packing.packer.items.weight,
        count,
        start,
        sum(problem.runtimes) + 1.0,
    )


def _loose(packing: FlatPacking, profile: Profile, style: Style, count: int, longest: float) -> Batches | None:
    """Return at most `count` batches packed in `style` or for a longer target, up to `longest` seconds, or None.

    How wrong the estimate was for one target corrects it for the next one.
    """
    target, cut = style.target, style.cut
    while target <= longest:
        batches = packing.pack(Style(target, cut))
        if len(batches) <= count:
            return batches
        correction = len(batches) / max(1.0, profile.estimate(target, cut)[0])
        target *= 1 + FINEST
        while target <= longest and profile.estimate(target, cut)[0] * correction > count + 0.5:
            target *= 1 + FINEST
    return None
