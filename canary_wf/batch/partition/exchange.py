"""Tasks exchanged between batches so that the longest becomes shorter.

Filling to one target leaves all batches about equally long, and equally far from what could be where tasks need several
resources. Here a task of the longest batch goes to another one, mostly for one of its tasks, where neither of the two
then is as long as the longest was. It is a local search; dependencies must not matter.
"""

import random
from collections.abc import Callable, Sequence

TASKS_PLAYED = 300_000
"""Tasks in all simulated schedules together, which bounds the time."""

GOOD = 1.004
"""Times the bound from which on the longest batch is short enough."""

_MOVED = 0.2
"""Share of attempts that take nothing in exchange."""


def exchanged(
    batches: Sequence[Sequence[int]], length: Callable[[Sequence[int]], float], bound: float
) -> list[list[int]]:
    """Return `batches` with the longest one shorter, where that is found.

    `length` simulates a batch, in seconds; no batch is emptied. `bound` is what the longest cannot be shorter than.
    """
    made = [list(batch) for batch in batches]
    lengths = [length(batch) for batch in made]
    chance = random.Random(len(made))  # noqa: S311 - a search wants the same numbers every time
    played = 0
    while len(made) > 1 and played < TASKS_PLAYED and max(lengths) > GOOD * bound:
        longest = max(range(len(made)), key=lengths.__getitem__)
        played += _attempt(made, lengths, length, longest, chance)
    return made


def _attempt(
    made: list[list[int]],
    lengths: list[float],
    length: Callable[[Sequence[int]], float],
    longest: int,
    chance: random.Random,
) -> int:
    """Try one exchange between the batch `longest` and another; return how many tasks were played."""
    other = min(range(len(made)), key=lengths.__getitem__) if chance.random() < 1 / 2 else chance.randrange(len(made))
    if other == longest or len(made[longest]) == 1:
        return 1
    away = chance.choice(made[longest])
    back = None if chance.random() < _MOVED else chance.choice(made[other])
    shorter = [task for task in made[longest] if task != away]
    fuller = [task for task in made[other] if task != back]
    fuller.append(away)
    if back is not None:
        shorter.append(back)
    now = length(shorter)
    if now >= lengths[longest]:
        return len(shorter)
    then = length(fuller)
    if then < lengths[longest]:
        made[longest], made[other] = shorter, fuller
        lengths[longest], lengths[other] = now, then
    return len(shorter) + len(fuller)
