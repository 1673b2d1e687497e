"""The reference schedule inside a batch, which estimates are made with and the runner follows, and its order.

Longest remaining path first: a job's run time plus the longest chain behind it inside the batch; ties by id; looking
at most 64 waiting jobs past one that does not fit. It is list scheduling (Graham, "Bounds on multiprocessing timing
anomalies", 1969) with a bounded look ahead. The runner uses `reference_order` and `ReadyQueue`, and does the
allocation of real ids itself; `simulate` does it with numbers.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from canary_wf.batch.node_simulator import Machine
from canary_wf.batch.problem import Problem


class Chained(Protocol):
    """Tasks as columns: what their order depends on."""

    @property
    def ids(self) -> Sequence[str]:
        """By these ties are broken."""
        ...

    @property
    def runtimes(self) -> Sequence[float]:
        """Expected run times in seconds."""
        ...

    @property
    def dependencies(self) -> Sequence[Sequence[int]]:
        """For each task the indexes of those that it waits for, each once."""
        ...


def reference_order(tasks: Chained, members: Sequence[int]) -> list[int]:
    """Return `members` in the order in which waiting tasks are looked at: longest remaining path first, ties by id."""
    by_id = sorted(members, key=tasks.ids.__getitem__)
    path = _remaining_paths(tasks, members)
    return sorted(by_id, key=lambda task: -path[task])


def _remaining_paths(tasks: Chained, members: Sequence[int]) -> dict[int, float]:
    """Return for each member its run time plus that of the longest chain of members behind it, in seconds."""
    runtimes = tasks.runtimes
    longest = {task: runtimes[task] for task in members}
    waiting = dict.fromkeys(members, 0)
    for task in members:
        for upstream in tasks.dependencies[task]:
            if upstream in waiting:
                waiting[upstream] += 1
    last = [task for task, count in waiting.items() if not count]
    while last:
        task = last.pop()
        for upstream in tasks.dependencies[task]:
            if upstream in waiting:
                longest[upstream] = max(longest[upstream], runtimes[upstream] + longest[task])
                waiting[upstream] -= 1
                if not waiting[upstream]:
                    last.append(upstream)
    return longest


class Schedule(msgspec.Struct, frozen=True):
    """How a batch runs by the reference schedule.

    `length` in seconds; `starts` in seconds after the batch's, aligned with the members that were given; `peak` the
    most slots of each type in use at once (MiB of memory); `concurrency` the most tasks at once.
    """

    length: float
    starts: tuple[float, ...]
    peak: Mapping[str, float]
    concurrency: int


def simulate(problem: Problem, members: Sequence[int]) -> Schedule:
    """Return the reference schedule of the tasks `members` of `problem`, run as one batch.

    Dependencies on tasks outside of `members` are taken as done. Raises InputError when dependencies form a cycle.
    """
    order = reference_order(problem, members)
    length, starts = Machine(problem).play(order, dependent=True)
    by_task = dict(zip(order, starts, strict=True))
    peak, concurrency = _peak(problem, by_task)
    return Schedule(length, tuple(by_task[task] for task in members), peak, concurrency)


def _peak(problem: Problem, starts: Mapping[int, float]) -> tuple[dict[str, float], int]:
    """Return the most slots of each type and the most tasks that run at once.

    A task without length runs beside nothing for any time, so it counts by itself only.
    """
    lasting = {task: start for task, start in starts.items() if problem.runtimes[task]}
    # What ends at a moment makes room for what starts then.
    events = [(start, 1, task) for task, start in lasting.items()]
    events += [(start + problem.runtimes[task], 0, task) for task, start in lasting.items()]
    demands = [problem.shapes[problem.kinds[task]].demand for task in starts if task not in lasting]
    peak = [max(column) for column in zip(*demands, strict=True)] or [0.0] * len(problem.types)
    used = [0.0] * len(problem.types)
    at_once, most = 0, min(1, len(starts))
    for _, begins, task in sorted(events):
        sign = 1 if begins else -1
        at_once += sign
        most = max(most, at_once)
        for place, amount in enumerate(problem.shapes[problem.kinds[task]].demand):
            used[place] += sign * amount
            peak[place] = max(peak[place], used[place])
    return dict(zip(problem.types, map(float, peak), strict=True)), most
