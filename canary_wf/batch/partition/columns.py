"""Batches made of columns: tasks of one shape in sequence, columns side by side by the patterns of a linear program.

A mix says which kinds run side by side. Tasks of one kind are dealt to all lanes for it, in all batches, the longest
first and each to the lane that is shortest ("longest processing time", Graham 1969). Lanes then hold the same mixture
of long and short tasks, so that the reference schedule, which does not know them, keeps to them by and large.

Where tasks need several resources, filling a batch by sums is not enough: two tasks of half the cpus leave all gpus
idle, and none of them starts while narrower ones take each cpu that becomes free. So the shares of kinds that run side
by side are found first. It is the fractional cutting stock problem, solved by column generation (Gilmore and Gomory,
"A linear programming approach to the cutting-stock problem", 1961): kinds are the widths, a batch is the roll.
"""

from collections.abc import Sequence
from heapq import heapify, heapreplace

import msgspec

from canary_wf.batch.capacity import Limits, distinct_needs
from canary_wf.batch.problem import Problem

MOST_ROUNDS = 120
"""Mixes looked for; each round adds one that the prices of those before it show to be missing."""

MOST_STEPS = 2000
"""Steps of one search for a mix; where it needs more, the best mix so far is taken."""

_ROUNDING = 1e-9

_GAIN = 1e-4
"""Share by which a mix must be worth more than what it costs."""

Mix = tuple[tuple[int, int], ...]
"""Kinds and how many tasks of each run side by side."""


class Cover(msgspec.Struct, frozen=True):
    """Mixes with the seconds that each of them runs, those that run longest first.

    `seconds` is their sum; `bound` is what no schedule can be shorter than, or nothing when the search was cut short.
    """

    mixes: list[tuple[float, Mix]]
    seconds: float
    bound: float


def cover(work: Sequence[float], needs: Sequence[Limits], limits: Limits) -> Cover:
    """Return mixes that do `work` (seconds by kind), by what a task of each kind needs of the `limits` of a batch.

    Every kind needs something of a resource, and no more than there is.
    """
    kinds = range(len(work))
    mixes: list[Mix] = [((kind, _most(needs[kind], limits)),) for kind in kinds]
    inverse = [[1.0 / mixes[row][0][1] if row == kind else 0.0 for kind in kinds] for row in kinds]
    seconds = [work[kind] * inverse[kind][kind] for kind in kinds]
    bound = 0.0
    for _ in range(MOST_ROUNDS):
        prices = [sum(column) for column in zip(*inverse, strict=True)]
        search = _Search(prices, needs, limits)
        search.run()
        if search.steps >= 0:
            priced = sum(price * amount for price, amount in zip(prices, work, strict=True))
            bound = max(bound, priced / max(search.worth, 1.0))
        if search.worth <= 1.0 + _GAIN:
            break
        _exchange(mixes, inverse, seconds, search.mix)
    order = sorted(zip(seconds, mixes, strict=True), key=lambda pair: (-pair[0], pair[1]))
    return Cover([(amount, mix) for amount, mix in order if amount > 0], sum(seconds), bound)


def _exchange(mixes: list[Mix], inverse: list[list[float]], seconds: list[float], mix: Mix) -> None:
    """Let `mix` run as long as it can in the place of others, one of which runs no more: one step of the simplex."""
    change = [sum(row[kind] * many for kind, many in mix) for row in inverse]
    longest, place = min((amount / change[row], row) for row, amount in enumerate(seconds) if change[row] > _ROUNDING)
    pivot = [entry / change[place] for entry in inverse[place]]
    for row, factor in enumerate(change):
        seconds[row] = max(0.0, seconds[row] - longest * factor)
        if factor:
            inverse[row] = [entry - factor * other for entry, other in zip(inverse[row], pivot, strict=True)]
    mixes[place], inverse[place], seconds[place] = mix, pivot, longest


def _most(need: Limits, limits: Limits) -> int:
    return min(there // wanted for wanted, there in zip(need, limits, strict=True) if wanted)


class _Search:
    """Branch and bound for the mix that is worth most at `prices` of a task of each kind.

    `worth` and `mix` are the best found; `steps` below zero says that it was cut short.
    """

    def __init__(self, prices: Sequence[float], needs: Sequence[Limits], limits: Limits) -> None:
        self.worth = 0.0
        self.mix: Mix = ()
        self.steps = MOST_STEPS
        self._prices, self._needs, self._limits = prices, needs, limits
        dense = [
            (prices[kind] / sum(want / there for want, there in zip(needs[kind], limits, strict=True)), -kind)
            for kind in range(len(prices))
            if prices[kind] > _ROUNDING
        ]
        self._order = [-kind for _, kind in sorted(dense, reverse=True)]
        self._densest = self._densest_behind()

    def run(self) -> None:
        """Search, the kinds worth most for what they need first, as many of each as fit first."""
        self._branch(0, self._limits, 0.0, ())

    def _densest_behind(self) -> list[list[float]]:
        """Return for each place in the order the most that a unit of each resource is worth from there on."""
        behind = [[0.0] * len(self._limits)]
        for kind in reversed(self._order):
            worth = [self._prices[kind] / want if want else float("inf") for want in self._needs[kind]]
            behind.append([max(pair) for pair in zip(worth, behind[-1], strict=True)])
        return behind[::-1]

    def _branch(self, place: int, room: Limits, worth: float, mix: Mix) -> None:
        self.steps -= 1
        if worth > self.worth + _ROUNDING:
            self.worth, self.mix = worth, mix
        if place == len(self._order) or self.steps < 0:
            return
        more = min((there * dense for there, dense in zip(room, self._densest[place], strict=True) if there), default=0)
        if worth + more <= self.worth + _ROUNDING:
            return
        kind = self._order[place]
        need, price = self._needs[kind], self._prices[kind]
        for many in range(_most(need, room), -1, -1):
            left = tuple([there - many * want for there, want in zip(room, need, strict=True)])
            self._branch(place + 1, left, worth + many * price, (*mix, (kind, many)) if many else mix)
            if self.steps < 0:
                return


MOST_KINDS = 64
"""Kinds of tasks up to which mixes are looked for."""

NEAR = 1.02
"""How many times the bound mixes may take at most to be of use."""


class Lanes:
    """The lanes of one problem, for any length of batches."""

    def __init__(self, problem: Problem) -> None:
        self._runtimes = problem.runtimes
        self._limits, self._needs, row = distinct_needs(problem)
        self._kinds = [row[kind] for kind in problem.kinds]

    @property
    def useful(self) -> bool:
        """Whether there are several resources and kinds of tasks, but not too many to find mixes of."""
        return len(self._limits) > 1 and 1 < len(self._needs) <= MOST_KINDS and all(map(any, self._needs))

    def dealt(self, tasks: Sequence[int], length: float) -> tuple[list[list[int]], list[int]]:
        """Return batches that hold about `length` seconds of work in each lane, and the tasks that are left over.

        No batch is empty. Without mixes that come near to the bound, all tasks are left over.
        """
        by_kind: list[list[int]] = [[] for _ in self._needs]
        for task in sorted(tasks, key=lambda task: (-self._runtimes[task], task)):
            by_kind[self._kinds[task]].append(task)
        found = self._cover([sum(self._runtimes[task] for task in kind) for kind in by_kind])
        if found is None:
            return [], list(tasks)
        batches: list[list[int]] = []
        lanes: list[list[int]] = [[] for _ in by_kind]
        for seconds, mix in found.mixes:
            for _ in range(round(seconds / length)):
                for kind, many in mix:
                    lanes[kind].extend([len(batches)] * many)
                batches.append([])
        left: list[int] = []
        for alike, numbers in zip(by_kind, lanes, strict=True):
            kept, over = self._spread(alike, len(numbers) * length) if numbers else ([], alike)
            left.extend(over)
            self._deal(kept, numbers, batches)
        return [batch for batch in batches if batch], left

    def _cover(self, work: Sequence[float]) -> Cover | None:
        """Return mixes for `work` in seconds by kind, when they are near to the best that can be."""
        there = [kind for kind, seconds in enumerate(work) if seconds > 0]
        if len(there) < 2:  # noqa: PLR2004 - one kind is a mix with itself
            return None
        found = cover([work[kind] for kind in there], [self._needs[kind] for kind in there], self._limits)
        if found.seconds > NEAR * max(found.bound, self._filled(work)):
            return None
        mixes: list[tuple[float, Mix]] = [
            (seconds, tuple((there[kind], many) for kind, many in mix)) for seconds, mix in found.mixes
        ]
        return Cover(mixes, found.seconds, found.bound)

    def _filled(self, work: Sequence[float]) -> float:
        """Return the seconds for which `work` fills all of the scarcest resource."""
        return max(
            sum(need[place] * seconds for need, seconds in zip(self._needs, work, strict=True)) / limit
            for place, limit in enumerate(self._limits)
        )

    def _spread(self, tasks: Sequence[int], room: float) -> tuple[list[int], list[int]]:
        """Divide `tasks` into those that fill `room` seconds and those left over, both with long and short ones."""
        total = sum(self._runtimes[task] for task in tasks)
        if total <= room:
            return list(tasks), []
        share = 1.0 - room / total
        kept: list[int] = []
        over: list[int] = []
        seen = taken = 0.0
        for task in tasks:
            seconds = self._runtimes[task]
            seen += seconds
            if taken + seconds / 2 <= seen * share:
                taken += seconds
                over.append(task)
            else:
                kept.append(task)
        return kept, over

    def _deal(self, tasks: Sequence[int], numbers: Sequence[int], batches: Sequence[list[int]]) -> None:
        """Put `tasks`, the longest first, into the batches of the lanes `numbers`, each into the shortest lane."""
        lanes = [(0.0, place, number) for place, number in enumerate(numbers)]
        heapify(lanes)
        for task in tasks:
            seconds, place, number = lanes[0]
            batches[number].append(task)
            heapreplace(lanes, (seconds + self._runtimes[task], place, number))
