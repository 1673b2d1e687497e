"""Batches made of lanes: in each lane tasks of one kind run one after the other, and the lanes of a mix fill a batch.

A mix says which kinds run side by side. Tasks of one kind are dealt to all lanes for it, in all batches, the longest
first and each to the lane that is shortest ("longest processing time", Graham 1969). Lanes then hold the same mixture
of long and short tasks, so that the reference schedule, which does not know them, keeps to them by and large.
"""

from collections.abc import Sequence
from heapq import heapify, heapreplace

from canary_wf.batch.capacity import distinct_needs
from canary_wf.batch.partition.mixes import Cover, Mix, cover
from canary_wf.batch.task import Problem

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
