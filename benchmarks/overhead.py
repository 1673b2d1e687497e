"""What the inside of a batch costs: the same trivial jobs through this runner and through its peers, interleaved.

    python benchmarks/overhead.py [--jobs 1000] [--rounds 5] [--workers 2] [--e3-python PY] [--canary CANARY]

Each round runs every tool once, so that a noisy machine hurts all of them alike; the table shows medians, what a job
costs over the fastest, and the ratio to it. Tools that are not installed are named and left out.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

COMMANDS = {"true": ["true"], "py": ["python3", "-c", "pass"]}

E3_DRIVER = """
import sys, subprocess
from e3.collection.dag import DAG
from e3.testsuite.multiprocess_scheduler import MultiprocessScheduler, Worker
from e3.os.process import Run
jobs, workers, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
class W(Worker):
    def __init__(self, uid, slot):
        super().__init__(uid, None, "x", slot, None)
    def start(self):
        return Run(command, bg=True)
class Status:
    aborted_too_many_failures = False
dag = DAG()
for number in range(jobs):
    dag.add_vertex(str(number), number)
MultiprocessScheduler(dag, lambda uid, data, slot: W(uid, slot), lambda worker: None, Status(), workers).run()
"""

Tool = Callable[[Path, list[str], int, int], float]


def timed(command: list[str], folder: Path, stdin: bytes = b"") -> float:
    """Return the seconds that `command` takes; a command that fails ends the benchmark."""
    before = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, input=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
    )
    if done.returncode:
        sys.exit(f"{command[0]} failed: {done.stderr.decode()[-2000:]}")
    return time.perf_counter() - before


def canary_wf(folder: Path, command: list[str], jobs: int, workers: int) -> float:
    """Run the jobs as one batch of canary-wf, with every state file written."""
    words = ", ".join(f"'{word}'" for word in command)
    numbers = list(range(jobs))
    (folder / "b.jobs.yaml").write_text(
        f"jobs:\n  - name: j\n    command: [{words}]\n    runtime: 1s\n    parameters: {{n: {numbers}}}\n"
    )
    generate = [sys.executable, "-m", "canary_wf", "generate", str(folder), "-d", str(folder / "out")]
    subprocess.run(
        [*generate, "-b", "spec=count:1", "-b", "scheduler=local", "-r", f"cpus={workers}"],
        check=True,
        capture_output=True,
    )
    plan = next((folder / "out").glob(".canary-wf/sessions/*/plan.json"))
    batch = next((plan.parent / "slices").iterdir()).stem
    return timed([sys.executable, "-P", "-m", "canary_wf", "run-batch", batch, "--plan", str(plan)], folder)


def make(folder: Path, command: list[str], jobs: int, workers: int) -> float:
    """Run the jobs as phony targets of GNU make."""
    targets = " ".join(f"t{number}" for number in range(jobs))
    line = " ".join(f"'{word}'" for word in command)
    (folder / "Makefile").write_text(f"all: {targets}\n{targets}:\n\t@{line}\n.PHONY: all {targets}\n")
    return timed(["make", "-s", f"-j{workers}"], folder)


def xargs(folder: Path, command: list[str], jobs: int, workers: int) -> float:
    """Run the jobs by xargs."""
    return timed(["xargs", "-P", str(workers), "-I{}", *command], folder, b"x\n" * jobs)


def ctest(folder: Path, command: list[str], jobs: int, workers: int) -> float:
    """Run the jobs by CTest, from a hand-written test file."""
    line = " ".join(f'"{word}"' for word in [shutil.which(command[0]) or command[0], *command[1:]])
    (folder / "CTestTestfile.cmake").write_text("".join(f"add_test(t{number} {line})\n" for number in range(jobs)))
    return timed(["ctest", f"-j{workers}", "-Q"], folder)


def parallel(folder: Path, command: list[str], jobs: int, workers: int) -> float:
    """Run the jobs by GNU parallel."""
    line = " ".join(f"'{word}'" for word in command)
    return timed(["parallel", "--will-cite", f"-j{workers}"], folder, f"{line}\n".encode() * jobs)


def e3(python: str) -> Tool:
    """Return the tool that runs the jobs by e3-testsuite's scheduler in the environment of `python`."""

    def run(folder: Path, command: list[str], jobs: int, workers: int) -> float:
        return timed([python, "-c", E3_DRIVER, str(jobs), str(workers), *command], folder)

    return run


def canary(program: str) -> Tool:
    """Return the tool that runs the jobs by `canary run`; it only knows Python, so `true` is an empty script."""

    def run(folder: Path, command: list[str], jobs: int, workers: int) -> float:
        del command
        (folder / "j.pyt").write_text(f"import canary_pyt.directives as d\nd.parameterize('n', list(range({jobs})))\n")
        return timed([program, "run", "--workers", str(workers), "."], folder)

    return run


def tools(options: argparse.Namespace) -> Iterator[tuple[str, Tool]]:
    """Yield the tools that are there, ours first."""
    yield "canary-wf", canary_wf
    for name, tool in {"make": make, "xargs": xargs, "ctest": ctest, "parallel": parallel}.items():
        if shutil.which(name):
            yield name, tool
        else:
            print(f"{name} is not installed and left out")
    if options.e3_python:
        yield "e3-testsuite", e3(options.e3_python)
    if options.canary:
        yield "canary run", canary(options.canary)


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description="The cost of a job over starting its process.")
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--e3-python", help="the python of an environment with e3-testsuite")
    parser.add_argument("--canary", help="the program `canary` of an environment with canary-wm")
    options = parser.parse_args()
    os.environ["CANARY_WF_LEASE_DIR"] = tempfile.mkdtemp()
    found = dict(tools(options))
    print("| command | tool | median s | min-max s | ms/job over the fastest | ratio |\n|---|---|---|---|---|---|")
    for label, command in COMMANDS.items():
        times: dict[str, list[float]] = {name: [] for name in found}
        for _ in range(options.rounds):
            for name, tool in found.items():
                if name == "canary run" and times[name]:
                    continue  # a hundred times slower: once is enough
                with tempfile.TemporaryDirectory() as folder:
                    times[name].append(tool(Path(folder), command, options.jobs, options.workers))
        medians = {name: statistics.median(values) for name, values in times.items()}
        fastest = min(medians.values())
        for name, median in sorted(medians.items(), key=lambda item: item[1]):
            span = f"{min(times[name]):.2f}-{max(times[name]):.2f}"
            over = (median - fastest) / options.jobs * 1000
            print(f"| {label} | {name} | {median:.2f} | {span} | {over:.2f} | {median / fastest:.2f} |")


if __name__ == "__main__":
    main()
