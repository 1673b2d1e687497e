"""What the partitioner makes of sets of jobs: batches, overruns, balance, utilisation, chains, time and memory.

    python benchmarks/partition.py [FOLDER or FILE.json.gz …] [--spec TEXT] [--jobs N] [--nodes K]

Files hold ``{"jobs": [{"id", "cpus", "runtime" (s), "deps": [ids]}]}``. Without any, seeded sets of N jobs are made:
independent, a random graph, chains, cpus with gpus, one giant component, and a tenth of the jobs exclusive. Every
number comes from the package's own simulator; LB is the largest of the longest job and the mean load of a batch.
"""

import argparse
import gzip
import json
import random
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from canary_wf.batch.cluster import critical_path, run_on_cluster
from canary_wf.batch.partition import length_bound, nominal_batches, partition
from canary_wf.batch.partition.limits import work
from canary_wf.batch.schedule import simulate
from canary_wf.batch.specification import BatchSpecification
from canary_wf.batch.task import Problem, Task
from canary_wf.errors import InputError

WIDTH = 8
"""Cpus of a node; the sets with gpus have four of them."""

HEADER = (
    "set             spec                       jobs batches nominal   longest  over   overrun  max/LB   util   edges"
    "   critical   makespan   cpu s  MiB"
)


def from_file(path: Path) -> Problem:
    """Return the problem in a gzipped JSON file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        jobs = json.load(file)["jobs"]
    place = {job["id"]: number for number, job in enumerate(jobs)}
    return Problem.of(
        ("cpus",),
        (WIDTH,),
        [
            Task(job["id"], (job["cpus"],), job["runtime"], tuple(place[upstream] for upstream in job["deps"]))
            for job in jobs
        ],
    )


def generated(count: int) -> Iterator[tuple[str, Problem]]:
    """Yield the name and the problem of each seeded set of `count` jobs."""
    kinds: dict[str, Callable[[random.Random, int], tuple[int, ...]]] = {
        "independent": lambda _random, _number: (),
        "random graph": _earlier,
        "chains": lambda _random, number: (number - 1,) if number % 10 else (),
        "giant": lambda random_, number: (random_.randrange(number),) if number else (),
    }
    for name, dependencies in kinds.items():
        yield name, _problem(count, dependencies)
    yield "cpus and gpus", _problem(count, kinds["independent"], gpus=True)
    yield "a tenth alone", _problem(count, kinds["independent"], exclusive=0.1)


def _earlier(random_: random.Random, number: int) -> tuple[int, ...]:
    near = range(max(0, number - 200), number)
    return tuple(random_.sample(near, min(len(near), random_.choice((0, 0, 1, 2)))))


def _problem(
    count: int,
    dependencies: Callable[[random.Random, int], tuple[int, ...]],
    *,
    gpus: bool = False,
    exclusive: float = 0.0,
) -> Problem:
    random_ = random.Random(20260700)  # noqa: S311 - a benchmark wants the same numbers every time
    tasks = (
        Task(
            f"j{number:07}",
            (random_.choices((1, 2, 4, 8), (70, 15, 10, 5))[0], random_.choice((0, 0, 1, 2)) if gpus else 0),
            min(max(60 * random_.lognormvariate(0, 1.2), 0.1), 6000.0),
            dependencies(random_, number),
            exclusive=random_.random() < exclusive,
        )
        for number in range(count)
    )
    return Problem.of(("cpus", "gpus"), (WIDTH, 4), tasks)


def row(name: str, problem: Problem, text: str, nodes: int) -> str:
    """Return one line of the table: `problem` partitioned by the specification `text`."""
    spec = BatchSpecification.parse(text)
    started = time.process_time()
    try:
        batches = partition(problem, spec)
    except InputError as error:
        return f"{name:15} {text:22} {error}"
    seconds = time.process_time() - started
    lengths = [simulate(problem, batch.tasks).length for batch in batches]
    links = [batch.dependencies for batch in batches]
    target = spec.duration or 0.0
    # With the atomic layout the bound is the longest component, which is not worked out here.
    bound = bool(target) and spec.layout == "flat"
    longest = [max(problem.runtimes[task] for task in batch.tasks) for batch in batches]
    over = [length - max(target, alone) for length, alone in zip(lengths, longest, strict=True)] if bound else []
    count = spec.count if isinstance(spec.count, int) else len(batches)
    cells = (
        f"{name:15} {text:22} {len(problem):8} {len(batches):7}",
        f"{nominal_batches(problem, target, spec.layout) if target else '':>7} {max(lengths):9.1f}",
        f"{sum(length > target * (1 + 1e-9) for length in lengths) if target else '':>5}",
        f"{max(over):9.1f}" if over else " " * 9,
        f"{max(lengths) / length_bound(problem, count, problem.runtimes):7.3f}",
        f"{max(work(problem)) / sum(lengths):6.3f} {sum(map(len, links)):7} {critical_path(lengths, links):10.1f}",
        f"{run_on_cluster(lengths, links, nodes=nodes).makespan:10.1f} {seconds:7.2f}",
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024:4}",
    )
    return " ".join(cells)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--spec", action="append", help="a batch specification; may be repeated")
    parser.add_argument("--jobs", type=int, default=10_000, help="jobs of each set that is made")
    parser.add_argument("--nodes", type=int, default=16, help="nodes of the cluster for the makespan")
    options = parser.parse_args()
    files = [file for path in options.paths for file in (sorted(path.glob("*.json.gz")) if path.is_dir() else [path])]
    sets: Iterator[tuple[str, Problem]]
    sets = ((file.name.partition(".")[0], from_file(file)) for file in files) if files else generated(options.jobs)
    print(HEADER)
    for name, problem in sets:
        for text in options.spec or ("duration:1800", "count:64", "layout:atomic", "layout:atomic,count:16"):
            print(row(name, problem, text, options.nodes), flush=True)


if __name__ == "__main__":
    main()
