"""Flat batches one behind the other, each from the tasks whose dependencies lie in the batches before it.

Where levels are narrow, batches of one level each cannot be filled. Here a batch takes tasks of any level, those with
the most levels behind them first ("highest level first", Hu, "Parallel sequencing and assembly line problems", 1961),
which makes few batches in one long chain. Among equals chance decides, and several attempts are made, also from the
end of the graph backwards.
"""

from collections.abc import Sequence

from canary_wf.batch.partition.flat import FlatPacking

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
