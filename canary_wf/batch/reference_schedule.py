"""The reference schedule inside a batch. Estimates are computed with it, and the runner follows it.

The job with the longest remaining path comes first: its run time plus the longest chain behind it inside the batch.
Ties are broken by id. Up to 64 waiting jobs are examined past one that does not fit. This is list scheduling (Graham,
"Bounds on multiprocessing timing anomalies", 1969) with a bounded look-ahead. The runner uses `reference_order` and
`ReadyQueue`, and allocates real ids itself; `simulate` does the same with numbers.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from canary_wf.batch.node_simulator import NodeSimulator
from canary_wf.batch.problem import Problem
from canary_wf.graph import topological


class TaskColumns(Protocol):
    """The columns of tasks that their order depends on."""

    @property
    def ids(self) -> Sequence[str]:
        """Ids, which break ties."""
        ...

    @property
    def runtimes(self) -> Sequence[float]:
        """Expected run times in seconds."""
        ...

    @property
    def dependencies(self) -> Sequence[Sequence[int]]:
        """For each task the indexes of the tasks that it waits for, without duplicates."""
        ...


def reference_order(tasks: TaskColumns, members: Sequence[int]) -> list[int]:
    """Return `members` in the order in which waiting tasks are tried: longest remaining path first, ties by id."""
    by_id = sorted(members, key=tasks.ids.__getitem__)
    path = _remaining_paths(tasks, members)
    return sorted(by_id, key=lambda task: -path[task])


def _remaining_paths(tasks: TaskColumns, members: Sequence[int]) -> dict[int, float]:
    """Return for each member its run time plus that of the longest chain of members behind it, in seconds."""
    runtimes, dependencies = tasks.runtimes, tasks.dependencies
    longest = {task: runtimes[task] for task in members}
    for task in reversed(topological(members, dependencies.__getitem__)):
        for upstream in dependencies[task]:
            if upstream in longest:
                longest[upstream] = max(longest[upstream], runtimes[upstream] + longest[task])
    return longest


class Schedule(msgspec.Struct, frozen=True):
    """The simulated run of a batch.

    `length` is in seconds. `starts` are seconds after the start of the batch, aligned with the members that were given.
    `peak` is the largest number of slots of each type in use at once (MiB of memory), `concurrency` that of tasks.
    """

    length: float
    starts: tuple[float, ...]
    peak: Mapping[str, float]
    concurrency: int


def simulate(problem: Problem, members: Sequence[int]) -> Schedule:
    """Return the reference schedule of the tasks `members` of `problem`, run as one batch.

    Dependencies on tasks outside `members` count as done. Raises InputError if dependencies form a cycle.
    """
    order = reference_order(problem, members)
    length, starts = NodeSimulator(problem).run(order, dependent=True)
    by_task = dict(zip(order, starts, strict=True))
    peak, concurrency = _peak(problem, by_task)
    return Schedule(length, tuple(by_task[task] for task in members), peak, concurrency)


def _peak(problem: Problem, starts: Mapping[int, float]) -> tuple[dict[str, float], int]:
    """Return the largest number of slots of each type, and of tasks, in use at once.

    A task without length never overlaps with another task, so it is counted alone.
    """
    lasting = {task: start for task, start in starts.items() if problem.runtimes[task]}
    # Ends sort before starts of the same time, as they make room for them.
    events = [(start, 1, task) for task, start in lasting.items()]
    events += [(start + problem.runtimes[task], 0, task) for task, start in lasting.items()]
    demands = [problem.shapes[problem.shape_of[task]].demand for task in starts if task not in lasting]
    peak = [max(column) for column in zip(*demands, strict=True)] or [0.0] * len(problem.types)
    used = [0.0] * len(problem.types)
    at_once, most = 0, min(1, len(starts))
    for _, begins, task in sorted(events):
        sign = 1 if begins else -1
        at_once += sign
        most = max(most, at_once)
        for position, amount in enumerate(problem.shapes[problem.shape_of[task]].demand):
            used[position] += sign * amount
            peak[position] = max(peak[position], used[position])
    return dict(zip(problem.types, map(float, peak), strict=True)), most
