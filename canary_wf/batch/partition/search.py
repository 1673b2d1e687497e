"""Finds the packing with the shortest chains of batches among those with few enough, also for a target duration.

Every batch that others wait for may be left short, and the chains through it get shorter; what it does not hold makes
up further batches. How short is decided by estimates that each packing made corrects.

Where levels are narrow, batches of one level each cannot be filled. Here a batch takes tasks of any level, those with
the most levels behind them first ("highest level first", Hu, "Parallel sequencing and assembly line problems", 1961),
which makes few batches in one long chain. Among equals chance decides, and several attempts are made, also from the
end of the graph backwards.
"""

import math
from collections.abc import Iterable, Sequence

from canary_wf.batch.partition.flat import FlatPacking
from canary_wf.batch.partition.packing_parameters import Profile, Style

TASKS_PACKED = 20_000
"""How many tasks all packings that are compared may hold together, about."""

MOST_TRIED = 16

MORE_TRIED = 2
"""The same in addition where none made few enough batches."""

LARGE = 200_000
"""Tasks up to which a second style is tried when the first one makes too many batches."""

OPTIMISM = 0.015
"""Share of the batches by which the first estimate is taken to be too high, and one batch more."""

Batches = list[list[int]]


class Search:
    """The packings made so far for at most `allowed` batches, and what they teach about the estimates.

    `best` has the shortest chain of those with few enough batches, `fewest` the fewest batches of all.
    """

    def __init__(self, packing: FlatPacking, profile: Profile, allowed: int, styles: Iterable[Style]) -> None:
        self._packing = packing
        self._allowed = allowed
        self._estimates = {style: profile.estimate(style) for style in styles}
        self._shortest = math.inf
        self._tried: set[tuple[int, int, float, float]] = set()
        self._off: dict[tuple[int, int], float] = {}
        self._off_at_first = -1.0 - OPTIMISM * allowed
        self.best: Batches | None = None
        self.fewest: Batches | None = None

    def run(self) -> None:
        """Pack in as many styles as the size of the problem allows."""
        count = len(self._packing.loads)
        tries = min(MOST_TRIED, max(2 if count <= LARGE else 1, TASKS_PACKED // count))
        for number in range(tries + MORE_TRIED):
            if number >= tries and (self.best is not None or count > TASKS_PACKED):
                break
            style = self._next(hopeful=self.best is not None or number < tries / 2)
            if style is None or (number and self.best is not None and count > TASKS_PACKED):
                break
            self._pack(style)

    def _next(self, *, hopeful: bool) -> Style | None:
        """Return the style to try next: with the shortest chain among those that should be few enough.

        Unless `hopeful`, the worst estimate so far says how wrong others are.
        """
        found = []
        unseen = self._off_at_first if hopeful else max(self._off.values(), default=self._off_at_first)
        for style, (count, chain) in self._estimates.items():
            if (style.cut, style.sinks, count, chain) in self._tried:
                continue
            if count + self._off.get((style.cut, style.sinks), unseen) <= self._allowed:
                middle = abs(style.cut - self._packing.graph.depth / 2)
                found.append((chain, style.fill, middle, style.cut, style.sinks, style.target, style))
        return min(found)[-1] if found else None

    def _pack(self, style: Style) -> None:
        """Pack in `style`, and note how wrong the estimate was."""
        batches = self._packing.pack(style)
        count, chain = self._estimates[style]
        self._tried.add((style.cut, style.sinks, count, chain))
        self._off[style.cut, style.sinks] = len(batches) - count
        if self.fewest is None or len(batches) < len(self.fewest):
            self.fewest = batches
        if len(batches) <= self._allowed:
            length = self._packing.critical_path(batches)
            if length < self._shortest:
                self.best, self._shortest = batches, length


TASKS_PACKED = 24_000
"""How many tasks all attempts may hold together."""

MOST_ATTEMPTS = 24

_SCATTER = 2_654_435_761
"""An odd number that spreads multiples over 32 bits (Knuth's multiplicative hashing)."""


def sequence(packing: FlatPacking, target: float, allowed: int) -> list[list[int]] | None:
    """Return at most `allowed` batches for `target` seconds, each after all it depends on, or None if none were found.

    No batch is longer than the target or its longest task.
    """
    problem, graph = packing.problem, packing.graph
    followers: list[list[int]] = [[] for _ in range(len(problem))]
    for task, dependencies in enumerate(problem.dependencies):
        for upstream in dependencies:
            followers[upstream].append(task)
    for number in range(min(MOST_ATTEMPTS, TASKS_PACKED // len(problem))):
        if number % 2:
            batches = _attempt(packing, target, followers, problem.dependencies, _places(packing, graph.level, number))
            batches.reverse()
        else:
            batches = _attempt(packing, target, problem.dependencies, followers, _places(packing, graph.height, number))
        if len(batches) <= allowed:
            return batches
    return None


def _places(packing: FlatPacking, height: Sequence[int], number: int) -> list[int]:
    """Return for each task its place among all: those of the greatest `height` last, equals by chance."""
    parts = packing.parts
    order = sorted(range(len(height)), key=lambda task: (height[task], (parts[task] ^ number) * _SCATTER % 2**32, task))
    places = [0] * len(order)
    for place, task in enumerate(order):
        places[task] = place
    return places


def _attempt(
    packing: FlatPacking,
    target: float,
    before: Sequence[Sequence[int]],
    behind: Sequence[Sequence[int]],
    places: Sequence[int],
) -> list[list[int]]:
    """Return batches of tasks that come `before` those `behind` them; of those ready, the last in `places` first."""
    waits = [len(tasks) for tasks in before]
    ready = [task for task, count in enumerate(waits) if not count]
    batches = []
    while ready:
        ready.sort(key=places.__getitem__)
        batch = _next(packing, target, ready)
        chosen = set(batch)
        ready = [task for task in ready if task not in chosen]
        for task in batch:
            for other in behind[task]:
                waits[other] -= 1
                if not waits[other]:
                    ready.append(other)
        batches.append(batch)
    return batches


def _next(packing: FlatPacking, target: float, ready: Sequence[int]) -> list[int]:
    """Return the next batch: around the last of the tasks `ready`, with others that may share a batch with it."""
    seed = ready[-1]
    line = [task for task in ready[:-1] if packing.groups[task] == packing.groups[seed]]
    return packing.packer.batch(max(target, packing.problem.runtimes[seed]), [seed], [line])


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
