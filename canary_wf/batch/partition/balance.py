"""A given number of batches: finds a target whose packing has no more of them than asked for.

Lengths come out balanced, because all batches are filled to one target. With dependencies it is somewhat longer than it
could be, so that there is room to keep short what others wait for.
"""

from collections.abc import Callable, Sequence

from canary_wf.batch.partition.chains import Chained, long_tasks
from canary_wf.batch.partition.flat import FEW, FlatPacking
from canary_wf.batch.partition.lower_bounds import length_bound
from canary_wf.batch.partition.lpt import exchanged
from canary_wf.batch.partition.packing_parameters import FILLS, Profile
from canary_wf.batch.partition.search import Batches, Search

FINEST = 0.004
"""Relative step by which the target first grows."""

COARSE = 0.03
"""The same for many tasks with dependencies, of which each packing takes long."""

MANY = 200_000

FEWER = 30_000
"""Tasks up to which styles of filling are compared with what shares batches out over the levels."""

SAME_STEPS = 3
"""Steps of that size before they double."""

MOST_STEPS = 40

CAUTION = 0.9
"""Share of the surplus by which the target of a flat packing grows at least."""

HALVED = 5
"""How often the last step towards a target is halved when there are few tasks."""

LOOSENESS = 1.2
"""How much longer than packed tightly batches may get for the sake of shorter chains of batches."""

LOOSEST = 1.5
"""The same where a task is that long."""

LOOSE = (0.25, 0.6, 0.95)
"""How much of that looseness is tried."""

EARLIER = 0.93
"""Share of the mean to start at where long tasks make some batches long anyway."""


def fewest(
    pack: Callable[[float], Batches],
    weight: Sequence[float],
    count: int,
    start: float,
    longest: float,
    *,
    caution: float = CAUTION,
    finest: float = FINEST,
) -> Batches | None:
    """Return the batches of the first target from `start` to `longest` seconds that makes at most `count` of them.

    `weight` is the load of each task in seconds; what the surplus batches hold says how far off a target is. The target
    grows by at least `caution` times what would take that in, and by the share `finest`.
    """
    target, step, below = start, finest, 0.0
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


def balanced(packing: FlatPacking, profile: Profile, count: int, mean: float) -> Batches | None:
    """Return at most `count` flat batches of lengths as equal as dependencies allow, or None when it cannot be.

    `mean` is the load in seconds of a batch if all were equal.
    """
    problem, depth = packing.problem, packing.graph.depth
    one_group = len(set(packing.groups)) == 1
    if depth > 1:
        wanted = not one_group or len(problem) <= FEW or (len(problem) <= FEWER and long_tasks(packing, count))
        found = _searched(packing, profile, count, mean) if wanted else None
        if one_group:
            return Chained(packing, count).best([] if found is None else [found])
        if found is not None:
            return found
    # Batches that a long task makes long hold more than the mean, the others may do with less.
    start = mean * (EARLIER if depth > 1 and max(problem.runtimes) > mean else 1.0 + FINEST)
    finest = FINEST
    if depth > 1 and len(problem) > MANY:
        start, finest = mean * (1.0 + COARSE), COARSE
    found = fewest(
        packing.tight,
        packing.packer.items.weight,
        count,
        start,
        sum(problem.runtimes) + 1.0,
        finest=finest,
    )
    if found is None or depth > 1 or not one_group or not (packing.lanes.useful or len(problem) <= FEW):
        return found
    return exchanged(found, packing.packer.length, length_bound(problem, count, problem.runtimes))


def _searched(packing: FlatPacking, profile: Profile, count: int, mean: float) -> Batches | None:
    """Return the packing with the shortest chain among some that are filled to one target, or None."""
    # What no batch can be shorter than is no longer than the longest will be anyway.
    loosest = min(max(LOOSENESS, max(packing.problem.runtimes) / mean), LOOSEST)
    targets = {mean * (1 + (looseness - 1) * share) for looseness in (LOOSENESS, loosest) for share in LOOSE}
    styles = [style for target in sorted(targets) for style in profile.styles(target, FILLS[::2])]
    search = Search(packing, profile, count, styles)
    search.run()
    return search.best
