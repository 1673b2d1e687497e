"""The tools that `benchmarks/overhead.py` compares: each runs the same command so many times, so many at once.

A tool is given an empty folder, the command (the program as an absolute path, so that none has to search), the number
of jobs and of workers. It makes what it needs, and only then the clock runs.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

E3_DRIVER = """
import sys
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


class Cost(NamedTuple):
    """What one run took: wall and CPU seconds (jobs included), the most memory of one process in MiB."""

    wall: float
    cpu: float
    memory: float


Tool = Callable[[Path, list[str], int, int], Cost]


def environment() -> dict[str, str]:
    """Return what every tool runs in: leases of its own, compiled modules kept, and output buffered, as usual."""
    unusual = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "CANARY_WF_LEASE_DIR"}
    return {name: value for name, value in os.environ.items() if name not in unusual}


def timed(command: list[str], folder: Path, lines: bytes = b"") -> Cost:
    """Return what `command` takes in `folder`, with `lines` on standard input; when it fails, the benchmark ends."""
    given, output = folder / "given.txt", folder / "output.txt"
    given.write_bytes(lines)
    leases = folder / "leases"
    leases.mkdir()
    with given.open("rb") as source, output.open("wb") as target:
        before = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=source,
            stdout=target,
            stderr=subprocess.STDOUT,
            env={**environment(), "CANARY_WF_LEASE_DIR": str(leases)},
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - before
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command[0]} failed ({process.returncode}): {output.read_text(errors='replace')[-2000:]}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def batch_of(folder: Path, command: list[str], jobs: int, workers: int) -> tuple[str, Path]:
    """Plan the jobs as one batch of canary-wf in `folder`; return the batch's id and the plan."""
    words = ", ".join(f"'{word}'" for word in command)
    (folder / "b.jobs.yaml").write_text(
        f"jobs:\n  - name: j\n    command: [{words}]\n    runtime: 1s\n    parameters: {{n: {list(range(jobs))}}}\n"
    )
    out = folder / "out"
    generate = [sys.executable, "-m", "canary_wf", "generate", str(folder), "-d", str(out)]
    options = ["-b", "spec=count:1", "-b", "scheduler=local", "-r", f"cpus={workers}"]
    subprocess.run([*generate, *options], check=True, capture_output=True, env=environment())
    plan = next(out.glob(".canary-wf/sessions/*/plan.json"))
    return next((plan.parent / "slices").iterdir()).stem, plan


def canary_wf(folder: Path, command: list[str], jobs: int, workers: int) -> Cost:
    """Run the jobs as one batch of canary-wf, with every state file written; all have to succeed."""
    batch, plan = batch_of(folder, command, jobs, workers)
    cost = timed([sys.executable, "-P", "-m", "canary_wf", "run-batch", batch, "--plan", str(plan)], folder)
    log = (folder / "output.txt").read_text()
    if log.count(" PASS ") != jobs:
        sys.exit(f"canary-wf did not run all {jobs} jobs: {log[-2000:]}")
    return cost


def bare_loop(folder: Path, command: list[str], jobs: int, workers: int) -> Cost:
    """Run the jobs by the least that Python can do for them."""
    top = folder / "jobs"
    top.mkdir()
    script = str(Path(__file__).with_name("bare_loop.py"))
    return timed([sys.executable, "-P", script, str(top), str(jobs), str(workers), *command], folder)


def make(folder: Path, command: list[str], jobs: int, workers: int) -> Cost:
    """Run the jobs as phony targets of GNU make."""
    targets = " ".join(f"t{number}" for number in range(jobs))
    line = " ".join(f"'{word}'" for word in command)
    (folder / "Makefile").write_text(f"all: {targets}\n{targets}:\n\t@{line}\n.PHONY: all {targets}\n")
    return timed(["make", "-s", f"-j{workers}"], folder)


def xargs(folder: Path, command: list[str], jobs: int, workers: int) -> Cost:
    """Run the jobs by xargs, one process a line."""
    return timed(["xargs", "-P", str(workers), "-I{}", *command], folder, b"x\n" * jobs)


def ctest(folder: Path, command: list[str], jobs: int, workers: int) -> Cost:
    """Run the jobs by CTest, from a hand-written test file."""
    line = " ".join(f'"{word}"' for word in command)
    (folder / "CTestTestfile.cmake").write_text("".join(f"add_test(t{number} {line})\n" for number in range(jobs)))
    return timed(["ctest", f"-j{workers}", "-Q"], folder)


def parallel(folder: Path, command: list[str], jobs: int, workers: int) -> Cost:
    """Run the jobs by GNU parallel."""
    line = " ".join(f"'{word}'" for word in command)
    return timed(["parallel", "--will-cite", f"-j{workers}"], folder, f"{line}\n".encode() * jobs)


def e3(python: str) -> Tool:
    """Return the tool that runs the jobs by e3-testsuite's scheduler in the environment of `python`."""

    def run(folder: Path, command: list[str], jobs: int, workers: int) -> Cost:
        return timed([python, "-c", E3_DRIVER, str(jobs), str(workers), *command], folder)

    return run


def canary(program: str) -> Tool:
    """Return the tool that runs the jobs by `canary run`; it only knows Python scripts, so each is an empty one."""

    def run(folder: Path, command: list[str], jobs: int, workers: int) -> Cost:
        del command
        numbers = list(range(jobs))
        (folder / "j.pyt").write_text(f"import canary_pyt.directives as d\nd.parameterize('n', {numbers})\n")
        return timed([program, "run", "--workers", str(workers), "."], folder)

    return run


DEBIAN = {
    "make": ("make", make),
    "xargs": ("findutils", xargs),
    "ctest": ("cmake", ctest),
    "parallel": ("parallel", parallel),
}
"""By program: the Debian package that has it, and the tool."""


def tools(
    peer_python: str | None, canary_program: str | None, without: set[str], *, bare: bool = False
) -> Iterator[tuple[str, Tool]]:
    """Yield the tools but those named in `without`, ours first; one that is missing ends the benchmark.

    With `bare` the bare loop is among them.
    """
    found: Mapping[str, tuple[str, str | None, Tool]] = {
        "canary-wf": ("", "here", canary_wf),
        **({"bare loop": ("", "here", bare_loop)} if bare else {}),
        **{name: (f"apt install {package}", shutil.which(name), tool) for name, (package, tool) in DEBIAN.items()},
        "e3-testsuite": ("--peer-python PYTHON", peer_python, e3(peer_python or "")),
        "canary run": ("--canary PROGRAM", canary_program, canary(canary_program or "")),
    }
    if unknown := without - set(found):
        sys.exit(f"there is no tool {min(unknown)!r}; the tools are {', '.join(found)}")
    for name, (remedy, place, tool) in found.items():
        if name in without:
            continue
        if place is None:
            sys.exit(f"{name} is missing: {remedy}, or leave it out with --without '{name}'")
        yield name, tool
