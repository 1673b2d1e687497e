"""What partitioners make of sets of jobs: batches, overruns, balance, chains, makespan, time and memory.

    python benchmarks/partition.py [FOLDER or FILE.json.gz …] [--spec TEXT]… [--jobs N]… [--set NAME]… [--nodes K]
                                   [--rounds N] [--peer-python PYTHON]

Files hold ``{"jobs": [{"id", "cpus", "runtime" (s), "deps": [ids]}]}``. Without any, the seeded sets of
`partition_sets.py` are made. With `--peer-python`, the interpreter of an environment with canary-wm, its partitioner is
given the same jobs. Whoever made the batches, every number comes from this package's simulators:

least     batches that are needed whoever makes them: no task is in the first ones, or last ones, as many as the longest
          chain of tasks before it, or behind it; and while a task holds all of one resource, the others are lost
over      batches longer than the target; then the worst excess (s) over the target or the longest job (or component)
max/LB    the longest batch over its lower bound: the mean load of a batch, or the longest job
critical  the longest chain of batches (s)
span/LB   the makespan on K nodes over its lower bound: the longest chain of jobs, or the work of a node
edges     links between batches;  cpu s: median of the rounds;  MiB: peak of the process that partitions
"""

import argparse
import json
import math
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from partition_sets import NODE, Job, from_file, generated, problem_of

from canary_wf.batch.capacity import occupancy
from canary_wf.batch.cluster_simulator import critical_path, run_on_cluster
from canary_wf.batch.partition import length_bound, nominal_batches
from canary_wf.batch.partition.graph import graph_of
from canary_wf.batch.problem import Problem
from canary_wf.batch.reference_schedule import simulate
from canary_wf.batch.specification import BatchSpecification

SPECS = ("duration:1800", "count:64", "layout:atomic", "layout:atomic,count:16")

HEADER = (
    "| set | jobs | spec | by | batches | nominal | least | longest s | over | worst excess s | max/LB | edges "
    "| critical s | span/LB | cpu s | MiB |\n" + "|---|--:|---|---|" + "--:|" * 12
)

PATIENCE = 600.0
"""Seconds after which a partitioner is given up."""


def ask(python: str, which: str, jobs: Sequence[Job], spec: BatchSpecification, rounds: int) -> dict[str, Any]:
    """Return the answer of the partitioner `which` in a process of its own; what went wrong is its ``error``."""
    target = {"duration": spec.duration, "count": None if spec.duration else spec.count}
    request = {"node": NODE, "jobs": jobs, "layout": spec.layout, "rounds": rounds, **target}
    command = [python, str(Path(__file__).with_name("partition_worker.py")), which]
    try:
        done = subprocess.run(
            command, input=json.dumps(request), capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        return {"error": f"more than {PATIENCE:.0f} s"}
    answer: dict[str, Any] = (
        json.loads(done.stdout) if not done.returncode else {"error": done.stderr.strip().splitlines()[-1]}
    )
    return answer


def row(problem: Problem, spec: BatchSpecification, answer: dict[str, Any], nodes: int) -> str:
    """Return the cells of a table row that say what `answer` is worth."""
    place = {identity: task for task, identity in enumerate(problem.ids)}
    batches = [[place[identity] for identity in batch] for batch in answer["batches"]]
    lengths = [simulate(problem, batch).length for batch in batches]
    links = _links(problem, batches)
    target = spec.duration or 0.0
    alone = [_longest_indivisible(problem, batch, spec) for batch in batches] if target else []
    excess = max((length - max(target, most) for length, most in zip(lengths, alone, strict=False)), default=0.0)
    count = spec.count if isinstance(spec.count, int) else len(batches)
    chain = critical_path(problem.runtimes, problem.dependencies)
    bound = max(chain, length_bound(problem, nodes, problem.runtimes))
    cells = (
        len(batches),
        nominal_batches(problem, target, spec.layout) if target else "",
        least(problem, target) if target and spec.layout == "flat" else "",
        f"{max(lengths):.0f}",
        sum(length > target * (1 + 1e-9) for length in lengths) if target else "",
        f"{max(excess, 0.0):.0f}" if target else "",
        f"{max(lengths) / length_bound(problem, count, problem.runtimes):.3f}",
        sum(map(len, links)),
        f"{critical_path(lengths, links):.0f}",
        f"{run_on_cluster(lengths, links, nodes=nodes).makespan / bound:.3f}",
        f"{answer['seconds']:.2f}",
        answer["mib"],
    )
    return " | ".join(map(str, cells))


def least(problem: Problem, target: float) -> int:
    """Return a number of flat batches of `target` seconds below which nobody can stay."""
    graph, shares = graph_of(problem), occupancy(problem)
    most = 0.0
    for place in (graph.level, graph.height):
        loads = [[0.0] * len(shares[0]) for _ in range(graph.depth + 1)]
        extra = [0.0] * (graph.depth + 1)
        for task in sorted(range(len(problem)), key=lambda task: -place[task]):
            seconds = problem.runtimes[task]
            extra[place[task]] += max(0.0, seconds - target)
            for resource, share in enumerate(shares[problem.shape_of[task]]):
                loads[place[task]][resource] += share * seconds
        for level in reversed(range(graph.depth)):
            loads[level] = [mine + deeper for mine, deeper in zip(loads[level], loads[level + 1], strict=True)]
            # A batch as long as its longest task does so much more than one of the target's length.
            extra[level] += extra[level + 1]
            most = max(most, level + (max(loads[level]) - extra[level]) / target)
    return math.ceil(most - 1e-9)


def _links(problem: Problem, batches: Sequence[Sequence[int]]) -> list[list[int]]:
    owner = {task: number for number, batch in enumerate(batches) for task in batch}
    return [
        sorted({owner[upstream] for task in batch for upstream in problem.dependencies[task]} - {number})
        for number, batch in enumerate(batches)
    ]


def _longest_indivisible(problem: Problem, batch: Sequence[int], spec: BatchSpecification) -> float:
    if spec.layout == "flat":
        return max(problem.runtimes[task] for task in batch)
    members = set(batch)
    component = {task: task for task in batch}

    def root(task: int) -> int:
        while component[task] != task:
            task = component[task]
        return task

    for task in batch:
        for upstream in members.intersection(problem.dependencies[task]):
            component[root(task)] = root(upstream)
    grouped: dict[int, list[int]] = {}
    for task in batch:
        grouped.setdefault(root(task), []).append(task)
    return max(simulate(problem, tasks).length for tasks in grouped.values())


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--spec", action="append", help=f"a batch specification; default: {' and '.join(SPECS)}")
    parser.add_argument("--jobs", action="append", type=int, help="jobs of each set that is made; default 10000")
    parser.add_argument("--set", action="append", help="only the made sets of this name")
    parser.add_argument("--nodes", type=int, default=16, help="nodes of the cluster for the makespan")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer-python", help="interpreter of an environment with canary-wm")
    return parser.parse_args()


def sets(options: argparse.Namespace) -> Iterator[tuple[str, list[Job]]]:
    """Yield the name and jobs of each set asked for."""
    if options.paths:
        for path in options.paths:
            for file in sorted(path.glob("*.json.gz")) if path.is_dir() else [path]:
                yield file.name.partition(".")[0], from_file(file)
        return
    for count in options.jobs or (10_000,):
        for name, jobs in generated(count):
            if not options.set or name in options.set:
                yield name, jobs


def main() -> None:
    """Print the table."""
    options = arguments()
    partitioners = [("canary-wf", sys.executable, "wf")]
    if options.peer_python:
        partitioners.append(("canary-wm", options.peer_python, "canary"))
    print(HEADER)
    for name, jobs in sets(options):
        problem = problem_of(jobs)
        for text in options.spec or SPECS:
            spec = BatchSpecification.parse(text)
            for label, python, which in partitioners:
                answer = ask(python, which, jobs, spec, options.rounds)
                cells = answer.get("error") or row(problem, spec, answer, options.nodes)
                print(f"| {name} | {len(jobs)} | {text} | {label} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
