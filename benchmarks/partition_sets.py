"""Job sets for measuring partitioners: read from files, or made from a seed. Used by `partition.py`.

A job is ``{"id", "cpus", "gpus", "runtime" (s), "deps": [ids], "exclusive"}``; jobs come after those they depend on. A
node has `NODE`.
"""

import gzip
import json
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from canary_wf.batch.problem import Problem, Task

NODE = {"cpus": 8, "gpus": 4}

Job = dict[str, Any]


def from_file(path: Path) -> list[Job]:
    """Return the jobs of a gzipped JSON file ``{"jobs": […]}``."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [{"gpus": 0, "exclusive": False, **job} for job in json.load(file)["jobs"]]


def problem_of(jobs: Sequence[Job]) -> Problem:
    """Return the problem of `jobs` on nodes of `NODE`."""
    place = {job["id"]: number for number, job in enumerate(jobs)}
    tasks = (
        Task(
            job["id"],
            (job["cpus"], job["gpus"]),
            job["runtime"],
            tuple(place[upstream] for upstream in job["deps"]),
            exclusive=job["exclusive"],
        )
        for job in jobs
    )
    return Problem.of(NODE.keys(), NODE.values(), tasks)


def generated(count: int) -> Iterator[tuple[str, list[Job]]]:
    """Yield the name and the jobs of each seeded set of `count` jobs."""
    shape_of: dict[str, Callable[[random.Random, int], Sequence[int]]] = {
        "independent": lambda _random, _number: (),
        "random graph": _earlier,
        "chains of 10": lambda _random, number: (number - 1,) if number % 10 else (),
        "one component": lambda random_, number: (random_.randrange(number),) if number else (),
    }
    for name, dependencies in shape_of.items():
        yield name, _jobs(count, dependencies)
    yield "cpus and gpus", _jobs(count, shape_of["independent"], gpus=True)
    yield "a tenth alone", _jobs(count, shape_of["independent"], exclusive=0.1)


def _earlier(random_: random.Random, number: int) -> Sequence[int]:
    near = range(max(0, number - 200), number)
    return random_.sample(near, min(len(near), random_.choice((0, 0, 1, 2))))


def _jobs(
    count: int,
    dependencies: Callable[[random.Random, int], Sequence[int]],
    *,
    gpus: bool = False,
    exclusive: float = 0.0,
) -> list[Job]:
    random_ = random.Random(20260700)  # noqa: S311 - a benchmark wants the same numbers every time
    return [
        {
            "id": f"j{number:07}",
            "cpus": random_.choices((1, 2, 4, 8), (70, 15, 10, 5))[0],
            "gpus": random_.choice((0, 0, 1, 2)) if gpus else 0,
            "runtime": min(max(60 * random_.lognormvariate(0, 1.2), 0.1), 6000.0),
            "deps": [f"j{upstream:07}" for upstream in dependencies(random_, number)],
            "exclusive": random_.random() < exclusive,
        }
        for number in range(count)
    ]
