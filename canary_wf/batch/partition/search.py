"""Searches for the flat packing with the shortest chains of batches among those with few enough batches.

A batch that others wait for may be left short. The chains through it get shorter, and further batches take the other
tasks. Estimates decide how short; each packing that is made corrects them.

If levels are narrow, batches of a single level cannot be filled. `list_schedule` lets a batch take tasks of any level,
those with the most levels behind them first ("highest level first", Hu, "Parallel sequencing and assembly line
problems", 1961). This makes few batches in one long chain. Ties are broken at random, and several attempts are made,
half of them backwards from the end of the graph.
"""

import math
from collections.abc import Iterable, Sequence

from canary_wf.batch.partition.flat import FlatPacking
from canary_wf.batch.partition.packing_parameters import PackingParameters, WorkProfile
from canary_wf.graph import dependents_of

TASKS_PACKED = 20_000
"""Approximate total number of tasks in all packings that are compared."""

MOST_TRIED = 16

MORE_TRIED = 2
"""Additional packings tried if none had few enough batches."""

LARGE = 200_000
"""Largest number of tasks for which second parameters are tried when the first ones make too many batches."""

OPTIMISM = 0.015
"""Share of the batches by which the first estimate is assumed to be too high, plus one batch."""

Batches = list[list[int]]


class ParameterSearch:
    """Tries packing parameters for at most `allowed` batches, and corrects their estimates by the packings made.

    `best` has the shortest chain of the packings with few enough batches, `fewest` the fewest batches of all.
    """

    def __init__(
        self, packing: FlatPacking, profile: WorkProfile, allowed: int, candidates: Iterable[PackingParameters]
    ) -> None:
        self._packing = packing
        self._allowed = allowed
        self._estimates = {parameters: profile.estimate(parameters) for parameters in candidates}
        self._shortest = math.inf
        self._tried: set[tuple[int, int, float, float]] = set()
        self._off: dict[tuple[int, int], float] = {}
        self._off_at_first = -1.0 - OPTIMISM * allowed
        self.best: Batches | None = None
        self.fewest: Batches | None = None

    def run(self) -> None:
        """Pack with as many parameters as the size of the problem allows."""
        count = len(self._packing.loads)
        tries = min(MOST_TRIED, max(2 if count <= LARGE else 1, TASKS_PACKED // count))
        for number in range(tries + MORE_TRIED):
            if number >= tries and (self.best is not None or count > TASKS_PACKED):
                break
            parameters = self._next(hopeful=self.best is not None or number < tries / 2)
            if parameters is None or (number and self.best is not None and count > TASKS_PACKED):
                break
            self._pack(parameters)

    def _next(self, *, hopeful: bool) -> PackingParameters | None:
        """Return the parameters to try next: the shortest estimated chain with few enough estimated batches.

        Unless `hopeful`, untried parameters are assumed to be as wrong as the worst estimate so far.
        """
        found = []
        unseen = self._off_at_first if hopeful else max(self._off.values(), default=self._off_at_first)
        for parameters, (count, chain) in self._estimates.items():
            if (parameters.cut, parameters.sinks, count, chain) in self._tried:
                continue
            if count + self._off.get((parameters.cut, parameters.sinks), unseen) <= self._allowed:
                middle = abs(parameters.cut - self._packing.graph.depth / 2)
                found.append(
                    (chain, parameters.fill, middle, parameters.cut, parameters.sinks, parameters.target, parameters)
                )
        return min(found)[-1] if found else None

    def _pack(self, parameters: PackingParameters) -> None:
        """Pack with `parameters`, and record the error of the estimate."""
        batches = self._packing.pack(parameters)
        count, chain = self._estimates[parameters]
        self._tried.add((parameters.cut, parameters.sinks, count, chain))
        self._off[parameters.cut, parameters.sinks] = len(batches) - count
        if self.fewest is None or len(batches) < len(self.fewest):
            self.fewest = batches
        if len(batches) <= self._allowed:
            length = self._packing.critical_path(batches)
            if length < self._shortest:
                self.best, self._shortest = batches, length


TASKS_PACKED = 24_000
"""Total number of tasks in all attempts."""

MOST_ATTEMPTS = 24

_SCATTER = 2_654_435_761
"""An odd number whose multiples are scattered over 32 bits (Knuth's multiplicative hashing)."""


def list_schedule(packing: FlatPacking, target: float, allowed: int) -> list[list[int]] | None:
    """Return at most `allowed` batches for `target` seconds in an order that respects dependencies, or None.

    No batch is longer than the target or its longest task.
    """
    problem, graph = packing.problem, packing.graph
    dependents = dependents_of(range(len(problem)), problem.dependencies.__getitem__)
    followed = [dependents.get(task, []) for task in range(len(problem))]
    for number in range(min(MOST_ATTEMPTS, TASKS_PACKED // len(problem))):
        if number % 2:
            batches = _attempt(
                packing, target, followed, problem.dependencies, _priorities(packing, graph.level, number)
            )
            batches.reverse()
        else:
            batches = _attempt(
                packing, target, problem.dependencies, followed, _priorities(packing, graph.height, number)
            )
        if len(batches) <= allowed:
            return batches
    return None


def _priorities(packing: FlatPacking, height: Sequence[int], number: int) -> list[int]:
    """Return the priority of each task: the higher its `height`, the greater. Ties are broken at random."""
    hashes = packing.hashes
    order = sorted(
        range(len(height)), key=lambda task: (height[task], (hashes[task] ^ number) * _SCATTER % 2**32, task)
    )
    priorities = [0] * len(order)
    for position, task in enumerate(order):
        priorities[task] = position
    return priorities


def _attempt(
    packing: FlatPacking,
    target: float,
    before: Sequence[Sequence[int]],
    behind: Sequence[Sequence[int]],
    priorities: Sequence[int],
) -> list[list[int]]:
    """Return batches in order; a task comes after those `before` it. The ready task of highest priority goes first."""
    waits = [len(tasks) for tasks in before]
    ready = [task for task, count in enumerate(waits) if not count]
    batches = []
    while ready:
        ready.sort(key=priorities.__getitem__)
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
    """Return the next batch: the last of the tasks `ready`, and others that may share a batch with it."""
    seed = ready[-1]
    line = [task for task in ready[:-1] if packing.groups[task] == packing.groups[seed]]
    return packing.packer.batch(max(target, packing.problem.runtimes[seed]), [seed], [line])


ALLOWANCE = 1.05
"""Allowed number of batches, as a multiple of the nominal number, to get shorter chains of batches."""


def to_duration(packing: FlatPacking, profile: WorkProfile, duration: float, nominal: int) -> Batches:
    """Return flat batches for a target of `duration` seconds. `nominal` is the ideal number of batches."""
    if packing.graph.depth == 1:
        return packing.tight(duration)
    allowed = math.floor(nominal * ALLOWANCE + 1e-9)
    search = ParameterSearch(packing, profile, allowed, profile.candidates(duration))
    search.run()
    if search.best is not None:
        return search.best
    one_chain = list_schedule(packing, duration, allowed)
    if one_chain is not None:
        return one_chain
    batches = packing.tight(duration)
    return min(batches, search.fewest, key=len) if search.fewest else batches
