"""Packs batches as columns: tasks of one shape run in sequence, and columns run side by side in patterns.

A pattern says how many tasks of each shape run side by side. A linear program chooses the patterns. The tasks of a
shape are then assigned to its columns in all batches, longest first, each to the shortest column ("longest processing
time", Graham 1969). Columns therefore hold the same mixture of long and short tasks. The reference schedule does not
know the columns, but mostly reproduces them.

Filling a batch by total load is not enough when tasks need several resources: two tasks of half the cpus leave all
gpus idle, and neither starts while narrower tasks take each cpu that becomes free. The patterns are found first for
this reason. This is the fractional cutting stock problem, solved by column generation (Gilmore and Gomory, "A linear
programming approach to the cutting-stock problem", 1961): shapes are the widths, a batch is the roll.

A shape here is a row of needs that several shapes of the problem may share.
"""

from collections.abc import Sequence
from heapq import heapify, heapreplace

import msgspec

from canary_wf.batch.capacity import Limits, distinct_needs
from canary_wf.batch.problem import Problem

MOST_ROUNDS = 120
"""Rounds of column generation. Each adds one pattern that the current prices show to be missing."""

MOST_STEPS = 2000
"""Steps of one search for a pattern. A search that needs more takes the best pattern so far."""

_ROUNDING = 1e-9

_GAIN = 1e-4
"""Share by which a pattern must be worth more than it costs."""

Pattern = tuple[tuple[int, int], ...]
"""Shapes, and how many tasks of each run side by side."""


class LpSolution(msgspec.Struct, frozen=True):
    """Patterns with the seconds that each one runs, longest first.

    `seconds` is their sum. `bound` is a lower bound on the length of any schedule, or 0 if the search was cut short.
    """

    patterns: list[tuple[float, Pattern]]
    seconds: float
    bound: float


def solve_configuration_lp(work: Sequence[float], needs: Sequence[Limits], limits: Limits) -> LpSolution:
    """Return patterns that do `work` (seconds by shape); a task of each shape takes its `needs` of `limits`.

    Every shape needs something of a resource, and no more than the limit.
    """
    shapes = range(len(work))
    patterns: list[Pattern] = [((shape, _most(needs[shape], limits)),) for shape in shapes]
    inverse = [[1.0 / patterns[row][0][1] if row == shape else 0.0 for shape in shapes] for row in shapes]
    seconds = [work[shape] * inverse[shape][shape] for shape in shapes]
    bound = 0.0
    for _ in range(MOST_ROUNDS):
        prices = [sum(column) for column in zip(*inverse, strict=True)]
        search = _PatternSearch(prices, needs, limits)
        search.run()
        if search.steps >= 0:
            priced = sum(price * amount for price, amount in zip(prices, work, strict=True))
            bound = max(bound, priced / max(search.worth, 1.0))
        if search.worth <= 1.0 + _GAIN:
            break
        _pivot_step(patterns, inverse, seconds, search.pattern)
    order = sorted(zip(seconds, patterns, strict=True), key=lambda pair: (-pair[0], pair[1]))
    return LpSolution([(amount, pattern) for amount, pattern in order if amount > 0], sum(seconds), bound)


def _pivot_step(patterns: list[Pattern], inverse: list[list[float]], seconds: list[float], pattern: Pattern) -> None:
    """Do one step of the simplex method: let `pattern` run as long as possible, which replaces another pattern."""
    change = [sum(row[shape] * many for shape, many in pattern) for row in inverse]
    longest, position = min(
        (amount / change[row], row) for row, amount in enumerate(seconds) if change[row] > _ROUNDING
    )
    pivot = [entry / change[position] for entry in inverse[position]]
    for row, factor in enumerate(change):
        seconds[row] = max(0.0, seconds[row] - longest * factor)
        if factor:
            inverse[row] = [entry - factor * other for entry, other in zip(inverse[row], pivot, strict=True)]
    patterns[position], inverse[position], seconds[position] = pattern, pivot, longest


def _most(need: Limits, limits: Limits) -> int:
    return min(available // amount for amount, available in zip(need, limits, strict=True) if amount)


class _PatternSearch:
    """Branch and bound for the pattern that is worth most at `prices` of a task of each shape.

    `worth` and `pattern` are the best found. If `steps` is negative, the search was cut short.
    """

    def __init__(self, prices: Sequence[float], needs: Sequence[Limits], limits: Limits) -> None:
        self.worth = 0.0
        self.pattern: Pattern = ()
        self.steps = MOST_STEPS
        self._prices, self._needs, self._limits = prices, needs, limits
        dense = [
            (prices[shape] / sum(amount / limit for amount, limit in zip(needs[shape], limits, strict=True)), -shape)
            for shape in range(len(prices))
            if prices[shape] > _ROUNDING
        ]
        self._order = [-shape for _, shape in sorted(dense, reverse=True)]
        self._densest = self._densest_behind()

    def run(self) -> None:
        """Search. The best ratios of price to need come first, and as many of each shape as fit are tried first."""
        self._branch(0, self._limits, 0.0, ())

    def _densest_behind(self) -> list[list[float]]:
        """Return for each position in the order the highest worth of a unit of each resource from there on."""
        behind = [[0.0] * len(self._limits)]
        for shape in reversed(self._order):
            worth = [self._prices[shape] / amount if amount else float("inf") for amount in self._needs[shape]]
            behind.append([max(pair) for pair in zip(worth, behind[-1], strict=True)])
        return behind[::-1]

    def _branch(self, position: int, room: Limits, worth: float, pattern: Pattern) -> None:
        self.steps -= 1
        if worth > self.worth + _ROUNDING:
            self.worth, self.pattern = worth, pattern
        if position == len(self._order) or self.steps < 0:
            return
        more = min(
            (available * dense for available, dense in zip(room, self._densest[position], strict=True) if available),
            default=0,
        )
        if worth + more <= self.worth + _ROUNDING:
            return
        shape = self._order[position]
        need, price = self._needs[shape], self._prices[shape]
        for many in range(_most(need, room), -1, -1):
            left = tuple([available - many * amount for available, amount in zip(room, need, strict=True)])
            self._branch(position + 1, left, worth + many * price, (*pattern, (shape, many)) if many else pattern)
            if self.steps < 0:
                return


MOST_SHAPES = 64
"""Largest number of shapes for which patterns are searched."""

NEAR = 1.02
"""Longest useful sum of patterns, as a multiple of the bound."""


class ColumnPacking:
    """Packs the tasks of one problem in columns, for any length of batches."""

    def __init__(self, problem: Problem) -> None:
        self._runtimes = problem.runtimes
        self._limits, self._needs, row = distinct_needs(problem)
        self._shape_of = [row[shape] for shape in problem.shape_of]

    @property
    def useful(self) -> bool:
        """Whether there are several resources and shapes, but not too many shapes to search for patterns."""
        return len(self._limits) > 1 and 1 < len(self._needs) <= MOST_SHAPES and all(map(any, self._needs))

    def pack(self, tasks: Sequence[int], length: float) -> tuple[list[list[int]], list[int]]:
        """Return batches with about `length` seconds of work in each column, and the remaining tasks.

        No batch is empty. If no patterns come near the bound, all tasks remain.
        """
        by_shape: list[list[int]] = [[] for _ in self._needs]
        for task in sorted(tasks, key=lambda task: (-self._runtimes[task], task)):
            by_shape[self._shape_of[task]].append(task)
        found = self._patterns([sum(self._runtimes[task] for task in shape) for shape in by_shape])
        if found is None:
            return [], list(tasks)
        batches: list[list[int]] = []
        columns: list[list[int]] = [[] for _ in by_shape]
        for seconds, pattern in found.patterns:
            for _ in range(round(seconds / length)):
                for shape, many in pattern:
                    columns[shape].extend([len(batches)] * many)
                batches.append([])
        left: list[int] = []
        for alike, numbers in zip(by_shape, columns, strict=True):
            kept, over = self._split(alike, len(numbers) * length) if numbers else ([], alike)
            left.extend(over)
            self._assign(kept, numbers, batches)
        return [batch for batch in batches if batch], left

    def _patterns(self, work: Sequence[float]) -> LpSolution | None:
        """Return patterns for `work` (seconds by shape), or None if they are not near the bound."""
        available = [shape for shape, seconds in enumerate(work) if seconds > 0]
        if len(available) < 2:  # noqa: PLR2004 - one shape makes only one pattern
            return None
        found = solve_configuration_lp(
            [work[shape] for shape in available], [self._needs[shape] for shape in available], self._limits
        )
        if found.seconds > NEAR * max(found.bound, self._filled(work)):
            return None
        patterns: list[tuple[float, Pattern]] = [
            (seconds, tuple((available[shape], many) for shape, many in pattern)) for seconds, pattern in found.patterns
        ]
        return LpSolution(patterns, found.seconds, found.bound)

    def _filled(self, work: Sequence[float]) -> float:
        """Return for how many seconds `work` fills the scarcest resource."""
        return max(
            sum(need[position] * seconds for need, seconds in zip(self._needs, work, strict=True)) / limit
            for position, limit in enumerate(self._limits)
        )

    def _split(self, tasks: Sequence[int], room: float) -> tuple[list[int], list[int]]:
        """Split `tasks` into those that fill `room` seconds and the rest, both with long and short ones."""
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

    def _assign(self, tasks: Sequence[int], numbers: Sequence[int], batches: Sequence[list[int]]) -> None:
        """Put `tasks`, longest first, into the batches `numbers`: one column for each, always the shortest next."""
        columns = [(0.0, position, number) for position, number in enumerate(numbers)]
        heapify(columns)
        for task in tasks:
            seconds, position, number = columns[0]
            batches[number].append(task)
            heapreplace(columns, (seconds + self._runtimes[task], position, number))
