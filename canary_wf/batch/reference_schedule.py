"""The simulated schedule of a batch, with which estimates are computed.

It is what the runner does with real ids: `batch.reference_order` says which job comes first, and up to 64 waiting jobs
are examined past one that does not fit.
"""

from collections.abc import Mapping, Sequence

import msgspec

from canary_wf.batch.node_simulator import NodeSimulator
from canary_wf.batch.problem import Problem
from canary_wf.batch.reference_order import reference_order


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
