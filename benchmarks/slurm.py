"""What a set of short jobs costs on a Slurm cluster: in batches, one job a submission, and under canary-wm.

    python benchmarks/slurm.py [--jobs N] [--seconds S] [--rounds N] [--account NAME] [--peer-python PYTHON]

It runs where `sinfo` and `sacct` answer (`tests/slurm/slurm-cluster start` makes a cluster of one machine) and submits
for real. The profiles are made to look after their jobs every second, so that the pauses of the submitting side do not
hide the rest. It prints medians over the rounds, variants interleaved: Slurm jobs, wall time, and how long the Slurm
jobs held their nodes, in all and each.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

BIN = Path(sys.executable).parent

PYT = """\
import sys
import time

import canary

canary.directives.parameterize("n", {numbers})
canary.directives.timeout("{limit}s")
canary.directives.keywords("fast")

if __name__ == "__main__":
    time.sleep({seconds})
"""


MOST_LATE = 20
"""How often Slurm's accounting is asked, every 3 seconds, until it knows how each job ended."""


class Measured(NamedTuple):
    """One run: seconds of wall time, Slurm jobs, and the seconds for which they held their nodes together."""

    wall: float
    submissions: int
    held: float


class _SlurmJob(NamedTuple):
    """The seconds for which a Slurm job held its nodes, and whether it has ended."""

    held: float
    ended: bool


def write_tree(folder: Path, jobs: int, seconds: float) -> None:
    """Write a tree of `jobs` tests that sleep for `seconds`."""
    folder.mkdir(parents=True)
    text = PYT.format(numbers=list(range(jobs)), seconds=seconds, limit=max(30, int(10 * seconds)))
    (folder / "short.pyt").write_text(text)


def run_ours(tree: Path, place: Path, profile: str, spec: str, account: str | None) -> None:
    """Generate and run with one of the profiles; raises CalledProcessError when the run does not pass."""
    site = ["--slurm", f"account={account}"] if account else []
    command = [BIN / "canary-wf", "generate", tree, "-d", place, "-b", "scheduler=slurm", "-b", spec]
    _call([*command, *site], cwd=tree)
    path = place / profile / "config.yaml"
    text = path.read_text().replace("latency-wait: 60", "latency-wait: 5")
    path.write_text(re.sub(r"status-checks: \d0$", "status-checks: 1", text, flags=re.MULTILINE))
    _call([BIN / "snakemake", "--profile", profile, "--quiet", "all"], cwd=place)


def run_peer(python: Path, tree: Path, place: Path, spec: str, account: str | None) -> None:
    """Run canary-wm on the same tree, through its own backend for Slurm."""
    place.mkdir()
    site = ["-b", f"option=--account={account}"] if account else []
    command = [python.parent / "canary", "run", "-w", "-b", "scheduler=slurm", "-b", spec, *site, tree]
    _call(command, cwd=place)


def measure(run: Callable[[], None]) -> Measured:
    """Run once and return what it took; which jobs there were comes from Slurm's accounting."""
    before = _slurm_jobs()
    started = time.monotonic()
    run()
    wall = time.monotonic() - started
    new: dict[str, _SlurmJob] = {}
    for _ in range(MOST_LATE):  # the accounting is late
        time.sleep(3)
        earlier, new = new, {number: job for number, job in _slurm_jobs().items() if number not in before}
        if new and new == earlier and all(job.ended for job in new.values()):
            return Measured(wall, len(new), sum(job.held for job in new.values()))
    raise SystemExit(f"Slurm's accounting knows the end of none of the jobs, or not of all: {sorted(new)}")


def _slurm_jobs() -> dict[str, _SlurmJob]:
    command = ["sacct", "-X", "-n", "-P", "-S", "now-1days", "-o", "JobIDRaw,ElapsedRaw,End"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    rows = [line.split("|") for line in lines]
    return {number: _SlurmJob(float(elapsed or 0), end != "Unknown") for number, elapsed, end in rows}


def _call(command: list[str | Path], cwd: Path) -> None:
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "CANARY_WF_QUEUE_SECONDS": "1"}
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=environment, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed:\n{done.stdout.decode()}\n{done.stderr.decode()}")


def main() -> None:
    """Measure each variant in turn, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--spec", default="count:3", help="the batch specification of all variants but one job each")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--account")
    parser.add_argument("--one", action="store_true", help="also one job a submission, which takes long")
    parser.add_argument("--peer-python", type=Path, help="interpreter of an environment with canary-wm")
    options = parser.parse_args()
    if shutil.which("sinfo") is None:
        raise SystemExit("there is no sinfo here")
    spec = f"spec={options.spec}"
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        write_tree(tree, options.jobs, options.seconds)
        variants: dict[str, Callable[[Path], None]] = {
            "batches, profile slurm": lambda place: run_ours(tree, place, "slurm", spec, options.account),
            "batches, profile slurm-sbatch": lambda place: run_ours(tree, place, "slurm-sbatch", spec, options.account),
        }
        if options.one:
            one = "spec=count:max"
            variants["a job a submission, slurm-sbatch"] = lambda place: run_ours(
                tree, place, "slurm-sbatch", one, options.account
            )
        if options.peer_python:
            variants["canary run -b scheduler=slurm"] = lambda place: run_peer(
                options.peer_python, tree, place, spec, options.account
            )
        _print(_rounds(variants, Path(folder), options.rounds))


def _rounds(variants: dict[str, Callable[[Path], None]], folder: Path, rounds: int) -> dict[str, list[Measured]]:
    found: dict[str, list[Measured]] = {name: [] for name in variants}
    for number in range(rounds):
        for place, (name, run) in enumerate(variants.items()):
            found[name].append(measure(partial(run, folder / f"{number}-{place}")))
            print(f"# round {number + 1}, {name}: {found[name][-1]}", flush=True)
    return found


def _print(found: dict[str, list[Measured]]) -> None:
    print("| variant | Slurm jobs | wall s, median (min-max) | their s in all | s each |")
    print("|---|--:|--:|--:|--:|")
    for name, runs in found.items():
        walls = [run.wall for run in runs]
        jobs = statistics.median(run.submissions for run in runs)
        held = statistics.median(run.held for run in runs)
        each = statistics.median(run.held / run.submissions for run in runs)
        wall = f"{statistics.median(walls):.1f} ({min(walls):.1f}-{max(walls):.1f})"
        print(f"| {name} | {jobs:g} | {wall} | {held:.0f} | {each:.1f} |")


if __name__ == "__main__":
    main()
