"""What the inside of a batch costs: the same trivial jobs through this runner and through its peers, interleaved.

    python benchmarks/overhead.py --peer-python E3/bin/python --canary CANARY/bin/canary

Each round runs every tool once, so that a noisy machine hurts all of them alike. The first table shows medians, what
a job costs over the fastest, and the ratio to that. The second one shows how this runner grows with the jobs of a
batch. `E3` and `CANARY` are virtual environments with e3-testsuite and canary-wm; what else is needed is told.
"""

import argparse
import statistics
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
from overhead_tools import Cost, Tool, batch_of, canary_wf, timed, tools

SLOW = "canary run"
"""A hundred times slower than the others, so it has its own number of rounds."""

TRUE = ["/bin/true"]


def commands(folder: Path) -> dict[str, list[str]]:
    """Return the commands, with a bare Python in `folder`.

    Neither a version manager's shim in front of it nor packages that hook into its start are to be measured here.
    """
    venv.create(folder)
    return {"true": TRUE, "python3 -c pass": [str(folder / "bin" / "python3"), "-c", "pass"]}


@contextmanager
def folders(parent: Path | None) -> Iterator[Iterator[Path]]:
    """Give one fresh folder after the other.

    All are removed at the end and none before: a file system may be slow to make files where many were just removed.
    """
    with tempfile.TemporaryDirectory(dir=parent, prefix="overhead-") as top:

        def fresh() -> Iterator[Path]:
            for number in count():
                folder = Path(top, str(number))
                folder.mkdir()
                yield folder

        yield fresh()


def measure(
    found: Mapping[str, Tool], command: list[str], options: argparse.Namespace, fresh: Iterator[Path]
) -> dict[str, list[Cost]]:
    """Return what each tool took in each round."""
    for tool in found.values():
        tool(next(fresh), command, 2, options.workers)  # so that no tool is the first to read its files
    costs: dict[str, list[Cost]] = {name: [] for name in found}
    for number in range(options.rounds):
        for name, tool in found.items():
            if name != SLOW or number < options.slow_rounds:
                costs[name].append(tool(next(fresh), command, options.jobs, options.workers))
    return costs


def print_rows(label: str, costs: Mapping[str, Sequence[Cost]], jobs: int) -> None:
    """Print the tools from the fastest to the slowest."""
    walls = {name: statistics.median(cost.wall for cost in each) for name, each in costs.items()}
    fastest = min(walls.values())
    for name, wall in sorted(walls.items(), key=lambda item: item[1]):
        each = costs[name]
        span = f"{min(cost.wall for cost in each):.2f}-{max(cost.wall for cost in each):.2f}"
        cpu = statistics.median(cost.cpu for cost in each) / jobs * 1000
        over = (wall - fastest) / jobs * 1000
        print(
            f"| {label} | {name} | {len(each)} | {wall:.2f} | {span} | {over:.2f} | {wall / fastest:.2f} | {cpu:.2f} |",
            flush=True,
        )


def own_cost(folder: Path, jobs: int, workers: int) -> Cost:
    """Return what a batch of `jobs` takes, the CPU time without what the jobs themselves used."""
    cost = canary_wf(folder, TRUE, jobs, workers)
    journal = next((folder / "out").glob(".canary-wf/sessions/*/batches/*/journal.jsonl"))
    measured = [event["measurements"] for event in events_of(journal) if event["event"] == "job_finished"]
    return cost._replace(cpu=cost.cpu - sum(found["cpu_user"] + found["cpu_system"] for found in measured))


def events_of(journal: Path) -> list[dict[str, Any]]:
    """Return what a batch's journal tells."""
    return [msgspec.json.decode(line) for line in journal.read_bytes().splitlines()]


def first_job(folder: Path, workers: int) -> float:
    """Return the milliseconds from the start of the runner's process until its first job's process is there."""
    batch, plan = batch_of(folder, TRUE, 1000, workers)
    before = time.time()
    timed([sys.executable, "-P", "-m", "canary_wf", "run-batch", batch, "--plan", str(plan)], folder)
    events = events_of(plan.parent / "batches" / batch / "journal.jsonl")
    return 1000 * (next(event["time"] for event in events if event["event"] == "job_launched") - before)


def print_growth(options: argparse.Namespace, fresh: Iterator[Path]) -> None:
    """Print what this runner takes for batches of growing size, and how soon it starts."""
    print("\n| jobs in one batch | rounds | median s | ms/job | the runner's own CPU ms/job | MiB |")
    print("|--:|--:|--:|--:|--:|--:|", flush=True)
    for jobs in options.grow:
        rounds = options.rounds if jobs <= options.jobs else 1
        each = [own_cost(next(fresh), jobs, options.workers) for _ in range(rounds)]
        wall, cpu, memory = (statistics.median(values) for values in zip(*each, strict=True))
        print(
            f"| {jobs} | {rounds} | {wall:.2f} | {wall / jobs * 1000:.2f} | {cpu / jobs * 1000:.2f} | {memory:.0f} |",
            flush=True,
        )
    starts = [first_job(next(fresh), options.workers) for _ in range(options.rounds)]
    print(f"\nFirst job of 1000 after {statistics.median(starts):.0f} ms ({min(starts):.0f}-{max(starts):.0f}).")


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description="The cost of a job over starting its process.")
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--peer-python", help="the python of an environment with e3-testsuite")
    parser.add_argument("--canary", help="the program `canary` of an environment with canary-wm")
    parser.add_argument("--slow-rounds", type=int, default=1, help=f"rounds of {SLOW!r}, which takes minutes")
    parser.add_argument("--without", action="append", default=[], metavar="TOOL", help="leave a tool out")
    parser.add_argument("--bare", action="store_true", help="a bare loop, too: the least that Python can do")
    parser.add_argument("--grow", type=int, nargs="*", default=[1000, 10000, 100000], help="sizes of the second table")
    parser.add_argument("--folder", type=Path, help="where to work (default: the folder for temporary files)")
    options = parser.parse_args()
    found = dict(tools(options.peer_python, options.canary, set(options.without), bare=options.bare))
    with folders(options.folder) as fresh:
        print(
            "| command | tool | rounds | median s | min-max s | ms/job over the fastest | ratio | CPU ms/job |\n"
            "|---|---|--:|--:|--:|--:|--:|--:|",
            flush=True,
        )
        for label, command in commands(next(fresh)).items():
            print_rows(label, measure(found, command, options, fresh), options.jobs)
        if options.without:
            print(f"\nLeft out: {', '.join(options.without)}.")
        if options.grow:
            print_growth(options, fresh)


if __name__ == "__main__":
    main()
