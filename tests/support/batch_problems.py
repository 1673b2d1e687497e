"""Problems for the tests of batches: made from short rows, and drawn by hypothesis."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from canary_wf.batch.partition import PackedBatch
from canary_wf.batch.problem import Problem, Task


def make(rows: Sequence[tuple[Any, ...]], cpus: int = 8) -> Problem:
    """Return the problem of rows of cpus, run time and maybe dependencies, with ids in the order of the rows."""
    tasks = [
        Task(f"j{number:05}", (row[0],), row[1], tuple(row[2]) if len(row) > 2 else ())
        for number, row in enumerate(rows)
    ]
    return Problem.of(("cpus",), (cpus,), tasks)


def links(problem: Problem, batches: Sequence[PackedBatch]) -> list[tuple[int, ...]]:
    """Return for each batch the numbers of those that must be done before it."""
    owner = {task: number for number, batch in enumerate(batches) for task in batch.tasks}
    needed = [{owner[other] for task in batch.tasks for other in problem.dependencies[task]} for batch in batches]
    return [tuple(sorted(others - {number})) for number, others in enumerate(needed)]


@st.composite
def problems(draw: st.DrawFn, most: int = 40, shortest: float = 0.0) -> Problem:
    """Draw a random graph of tasks of `shortest` seconds and more: cpus, gpus, memory, nodes, exclusive ones."""
    count = draw(st.integers(0, most))
    runtime = st.sampled_from([0.0, 1.0, 5.0, 10.0, 10.0, 30.0, 100.0]) | st.floats(0.0, 200.0)
    runtime = runtime.map(lambda seconds: max(seconds, shortest))
    tasks = []
    for number in range(count):
        near = range(max(0, number - 10), number)
        upstream = draw(st.lists(st.sampled_from(near), max_size=2)) if near else []
        tasks.append(
            Task(
                id=f"{(number * 7919) % 10007:05}",
                demand=(draw(st.integers(0, 4)), draw(st.integers(0, 2)), draw(st.sampled_from([0.0, 64.0, 512.5]))),
                runtime=draw(runtime),
                dependencies=tuple(upstream),
                nodes=draw(st.sampled_from([1, 1, 1, 1, 2, 3])),
                exclusive=draw(st.sampled_from([False] * 9 + [True])),
            )
        )
    memory = draw(st.sampled_from([None, 1024.0]))
    return Problem.of(("cpus", "gpus", "memory"), (4, 2, memory), tasks)
