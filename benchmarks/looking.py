"""How long it takes to look at a session: status, its lists, and the reports, on recorded states.

    PYTHONPATH=tests/support python benchmarks/looking.py [--jobs N] [--batches N] [--rounds N]

The states are written as a run leaves them, without a run. Wall and CPU times are
medians of the rounds, each a process of its own; on a busy machine the second says more.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
from factories import plan_of, spec
from sessions import recorded

from canary_wf.plan.model import Plan
from canary_wf.verdict.status import Outcome

COMMANDS = (
    ("--help",),
    ("status", "--help"),
    ("status",),
    ("status", "-r", "all"),
    ("status", "--json"),
    ("report", "junit"),
    ("report", "markdown"),
    ("report", "html"),
    ("report", "cdash", "-o", "cdash"),
)


def main() -> None:
    """Record a session and print a row for each command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--batches", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        _record(out, options.jobs, options.batches)
        for command in COMMANDS:
            where = [] if "--help" in command else ["-d", str(out)]
            times = [_time([*command, *where], out) for _ in range(options.rounds)]
            wall, cpu = (statistics.median(column) for column in zip(*times, strict=True))
            print(f"{' '.join(command):24} {wall:6.2f} s  {cpu:6.2f} s")


def _record(out: Path, jobs: int, batches: int) -> None:
    size = jobs // batches
    names = [[f"group{batch}/job.n={number}" for number in range(size)] for batch in range(batches)]
    plan = plan_of(*([spec(name, path=f"{name.partition('/')[0]}/t.pyt") for name in batch] for batch in names), cpus=8)
    seeded = random.Random(1)  # noqa: S311 - the same outcomes every time
    shape_of = [Outcome.SUCCESS, Outcome.FAILED, Outcome.TIMEOUT, Outcome.SKIPPED]
    outcomes = {job.name: seeded.choices(shape_of, [97, 1, 0.5, 1.5])[0] for job in plan.jobs}
    recorded(out, _wide(plan), outcomes, reason="exit code 3", output="one\ntwo\nthree\n")


def _wide(plan: Plan) -> Plan:
    """Return `plan` with batches that ask for the eight CPUs that their jobs are placed on."""
    batches = tuple(msgspec.structs.replace(batch, cpus=8) for batch in plan.batches)
    return msgspec.structs.replace(plan, batches=batches)


def _time(arguments: list[str], folder: Path) -> tuple[float, float]:
    """Return the seconds of wall and of CPU time that a command takes."""
    program = Path(sys.executable).parent / "canary-wf"
    before, started = os.times(), time.perf_counter()
    subprocess.run([program, *arguments], cwd=folder, stdout=subprocess.DEVNULL, check=False)
    wall, after = time.perf_counter() - started, os.times()
    return wall, after.children_user + after.children_system - before.children_user - before.children_system


if __name__ == "__main__":
    main()
