"""Longest processing time first: packs tasks into a given number of batches, and exchanges tasks between batches.

The heaviest task goes first, always to the batch with the smallest load (LPT: Graham, "Bounds on multiprocessing timing
anomalies", 1969). Then the reference schedule is simulated, and the longest batch gives tasks to the shortest.

If tasks need several resources, filling to one target leaves all batches equally far from the optimum.
`exchange_tasks` is a local search: a task of the longest batch goes to another batch, usually in exchange for a task of
that batch, if both batches are then shorter than the longest was. It applies only to tasks without dependencies.
"""

import random
from collections.abc import Callable, Sequence
from heapq import heapify, heapreplace
from typing import NamedTuple

from canary_wf.batch.partition.open_batch import Items
from canary_wf.batch.partition.packer import Measure

MOVES = 2
"""Attempts to shorten the longest batch, for each batch."""

MORE_MOVES = 6
"""Additional attempts."""

REPLAYED = 20_000
"""Approximate number of tasks that moves simulate again, beyond half of all tasks."""

MANY = 100_000
"""Above this number of tasks, loads predict lengths well enough."""

MISFITS = 192
"""Number of waiting tasks that are passed over before topping up ends."""

ALMOST = 0.998
"""Share of the cap up to which batches are topped up."""

_ROUNDING = 1e-9


class TimedBatch(NamedTuple):
    """A batch: its tasks, and the length of its reference schedule in seconds."""

    tasks: list[int]
    length: float


class LptPacker:
    """Packs the `items` of one problem. `measure` simulates a batch of them."""

    def __init__(self, items: Items, measure: Measure) -> None:
        self._items = items
        self._measure = measure

    def length(self, tasks: Sequence[int]) -> float:
        """Return the simulated length in seconds of `tasks` as one batch."""
        return self._measure(tasks, float("inf"))[0]

    def pack(self, tasks: Sequence[int], count: int) -> list[list[int]]:
        """Return at most `count` batches of `tasks`, which are sorted heaviest first. No batch is empty."""
        if count <= 1:
            return [list(tasks)] if tasks else []
        loads = self._items.loads
        batches: list[list[int]] = [[] for _ in range(count)]
        used = [(0.0,) * len(self._items.shares) for _ in range(count)]
        least = [(0.0, number) for number in range(count)]
        for task in tasks:
            number = least[0][1]
            batches[number].append(task)
            used[number] = tuple([one + other for one, other in zip(used[number], loads[task], strict=True)])
            heapreplace(least, (max(used[number], default=0.0), number))
        return [batch for batch in batches if batch]

    def capped(self, tasks: Sequence[int], count: int, cap: float) -> tuple[list[list[int]], list[int]]:
        """Return `count` batches of at most `cap` seconds of load or a single task, and the remaining tasks."""
        batches: list[list[int]] = [[] for _ in range(count)]
        rest = self._fill(tasks, batches, cap, len(tasks), self._items.weight)
        return [batch for batch in batches if batch], rest

    def top_up(self, batches: list[list[int]], tasks: Sequence[int], cap: float) -> list[int]:
        """Add `tasks`, in their order, to `batches` up to `cap` seconds of load. Return the tasks that did not fit."""
        return self._fill(tasks, batches, cap, MISFITS, self._items.alone)

    def _fill(
        self, tasks: Sequence[int], batches: list[list[int]], cap: float, misfits: int, least_cap: Sequence[float]
    ) -> list[int]:
        weight = self._items.weight
        least = [(sum(weight[task] for task in batch), number) for number, batch in enumerate(batches)]
        heapify(least)
        rest: list[int] = []
        for position, task in enumerate(tasks):
            load, number = least[0]
            if load >= ALMOST * cap or len(rest) > misfits:
                return [*rest, *tasks[position:]]
            if least_cap[task] > cap or (load and load + weight[task] > cap):
                rest.append(task)
                continue
            batches[number].append(task)
            heapreplace(least, (load + weight[task], number))
        return rest

    def rebalance(self, batches: Sequence[list[int]], goal: float) -> list[TimedBatch]:
        """Move tasks from the longest to the shortest of `batches` while the longest exceeds `goal` seconds."""
        timed = [TimedBatch(batch, self.length(batch)) for batch in batches]
        for _ in range(self._moves(batches)):
            longest = max(range(len(timed)), key=lambda number: timed[number].length)
            shortest = min(range(len(timed)), key=lambda number: timed[number].length)
            if timed[longest].length <= goal * (1 + _ROUNDING):
                break
            moved = self._move_task(timed[longest], timed[shortest], goal)
            if moved is None:
                break
            timed[longest], timed[shortest] = moved
        return timed

    def _moves(self, batches: Sequence[list[int]]) -> int:
        """Return how many moves are worth their time: few if each one simulates thousands of tasks."""
        count = len(batches)
        if count <= 1:
            return 0
        tasks = sum(map(len, batches))
        affordable = REPLAYED * count // tasks + (count // 2 if tasks <= MANY else 0)
        return min(MOVES * count + MORE_MOVES, affordable)

    def _move_task(
        self, longest: TimedBatch, shortest: TimedBatch, goal: float
    ) -> tuple[TimedBatch, TimedBatch] | None:
        """Return both batches after moving a task such that the longer of the two gets shorter, or None."""
        if len(longest.tasks) == 1 or longest.length <= max(self._items.alone[task] for task in longest.tasks):
            return None
        weight = self._items.weight
        middle = (longest.length + shortest.length) / 2
        _, beyond, straddling = self._measure(longest.tasks, max(goal, middle))
        late = sorted([*beyond, *straddling], key=lambda task: (-weight[task], task))
        for task in (*late[:2], *late[2:][-1:]):
            moved = self._exchanged(longest, shortest, task, None)
            if moved is not None:
                return moved
        for task in (*beyond, *straddling)[:2]:
            surplus = weight[task] - (longest.length - middle)
            back = min(shortest.tasks, key=lambda other: (abs(weight[other] - surplus), other))
            moved = self._exchanged(longest, shortest, task, back)
            if moved is not None:
                return moved
        return None

    def _exchanged(
        self, longest: TimedBatch, shortest: TimedBatch, given: int, back: int | None
    ) -> tuple[TimedBatch, TimedBatch] | None:
        """Return both batches after exchanging `given` for `back` if the longer of the two gets shorter, or None."""
        one = [task for task in longest.tasks if task != given] + ([] if back is None else [back])
        other = [task for task in shortest.tasks if task != back] + [given]
        bound = longest.length * (1 - _ROUNDING)
        other_length = self.length(other)
        if other_length >= bound:
            return None
        one_length = self.length(one)
        return (TimedBatch(one, one_length), TimedBatch(other, other_length)) if one_length < bound else None


TASKS_SIMULATED = 300_000
"""Total number of tasks in all simulated schedules, which bounds the time."""

GOOD = 1.004
"""Length of the longest batch, as a multiple of the bound, that is short enough."""

_MOVED = 0.2
"""Share of attempts that move a task without taking another in exchange."""


def exchange_tasks(
    batches: Sequence[Sequence[int]], length: Callable[[Sequence[int]], float], bound: float
) -> list[list[int]]:
    """Exchange tasks between `batches` to shorten the longest batch, and return them.

    `length` simulates a batch and returns seconds. `bound` is a lower bound on the longest. No batch becomes empty.
    """
    made = [list(batch) for batch in batches]
    lengths = [length(batch) for batch in made]
    chance = random.Random(len(made))  # noqa: S311 - a search needs the same numbers every time
    simulated = 0
    while len(made) > 1 and simulated < TASKS_SIMULATED and max(lengths) > GOOD * bound:
        longest = max(range(len(made)), key=lengths.__getitem__)
        simulated += _attempt(made, lengths, length, longest, chance)
    return made


def _attempt(
    made: list[list[int]],
    lengths: list[float],
    length: Callable[[Sequence[int]], float],
    longest: int,
    chance: random.Random,
) -> int:
    """Try one exchange between the batch `longest` and another batch. Return how many tasks were simulated."""
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
