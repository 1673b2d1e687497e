"""Packs into a given number of batches: finds a target duration whose packing has no more batches than asked for.

The lengths are balanced, because all batches are filled to one target. With dependencies, the target is longer than
necessary, so that batches that others wait for can be kept short.
"""

from collections.abc import Callable, Sequence

from canary_wf.batch.partition.chains import ChainPacking, long_tasks
from canary_wf.batch.partition.flat import FEW, FlatPacking
from canary_wf.batch.partition.lower_bounds import length_bound
from canary_wf.batch.partition.lpt import exchange_tasks
from canary_wf.batch.partition.packing_parameters import FILLS, WorkProfile
from canary_wf.batch.partition.search import Batches, ParameterSearch

FINEST = 0.004
"""Relative step by which the target grows at first."""

COARSE = 0.03
"""The same step for many tasks with dependencies, when each packing takes long."""

MANY = 200_000

FEWER = 30_000
"""Largest number of tasks for which packing parameters are compared with a distribution of batches over levels."""

SAME_STEPS = 3
"""Number of steps of that size before they double."""

MOST_STEPS = 40

CAUTION = 0.9
"""Smallest growth of the target of a flat packing, as a share of the surplus."""

HALVED = 5
"""How often the last step towards a target is halved when there are few tasks."""

LOOSENESS = 1.2
"""Length of batches, as a multiple of that of a tight packing, that is allowed to get shorter chains of batches."""

LOOSEST = 1.5
"""The same if a task is that long."""

LOOSE = (0.25, 0.6, 0.95)
"""Shares of that looseness that are tried."""

EARLIER = 0.93
"""Share of the mean to start at if long tasks make some batches long anyway."""


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
    """Return the batches of the first target from `start` to `longest` seconds that makes at most `count` batches.

    `weight` is the load of each task in seconds. The load of the surplus batches shows how far off a target is: the
    target grows by at least `caution` times the growth that would take this load in, and by the share `finest`.
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
        # A step that goes too far is taken back only if that costs little.
        target *= max(1 + step, 1 + caution * surplus / (count * target))
        if number >= SAME_STEPS:
            step *= 2
    batches = pack(longest)
    return batches if len(batches) <= count else None


def _refined(pack: Callable[[float], Batches], count: int, below: float, target: float, batches: Batches) -> Batches:
    """Return the batches of the smallest target found by bisection from `below`, which is too small."""
    for _ in range(HALVED):
        middle = (below + target) / 2
        shorter = pack(middle)
        if len(shorter) <= count:
            target, batches = middle, shorter
        else:
            below = middle
    return batches


def balanced(packing: FlatPacking, profile: WorkProfile, count: int, mean: float) -> Batches | None:
    """Return at most `count` flat batches of lengths as equal as dependencies allow, or None if that is impossible.

    `mean` is the mean load of a batch in seconds.
    """
    problem, depth = packing.problem, packing.graph.depth
    one_group = len(set(packing.groups)) == 1
    if depth > 1:
        search = not one_group or len(problem) <= FEW or (len(problem) <= FEWER and long_tasks(packing, count))
        found = _searched(packing, profile, count, mean) if search else None
        if one_group:
            return ChainPacking(packing, count).best([] if found is None else [found])
        if found is not None:
            return found
    # Batches that are long because of a long task hold more than the mean, so the others may hold less.
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
    if found is None or depth > 1 or not one_group or not (packing.columns.useful or len(problem) <= FEW):
        return found
    return exchange_tasks(found, packing.packer.length, length_bound(problem, count, problem.runtimes))


def _searched(packing: FlatPacking, profile: WorkProfile, count: int, mean: float) -> Batches | None:
    """Return the packing with the shortest chain among several that are filled to one target, or None."""
    # A task that is longer than the mean makes some batch that long anyway.
    loosest = min(max(LOOSENESS, max(packing.problem.runtimes) / mean), LOOSEST)
    targets = {mean * (1 + (looseness - 1) * share) for looseness in (LOOSENESS, loosest) for share in LOOSE}
    candidates = [parameters for target in sorted(targets) for parameters in profile.candidates(target, FILLS[::2])]
    search = ParameterSearch(packing, profile, count, candidates)
    search.run()
    return search.best
