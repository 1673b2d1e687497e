"""Two versions of canary-wf side by side: start-up, planning, and a batch of short jobs.

    python benchmarks/versions.py OLD/.venv/bin/canary-wf NEW/.venv/bin/canary-wf [--rounds N] [--planned N]

The rounds alternate between the two, and each measurement is a process of its own. Wall and CPU times are medians of
the rounds; on a busy machine the second says more. The ratio is that of the new version to the old one.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

Command = Callable[[str, Path], list[str]]


class Case(NamedTuple):
    """What is measured: the command of a version in its folder, and what has to be made there before."""

    name: str
    command: Command
    jobs: int = 0


def main() -> None:
    """Measure every case with both versions and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--planned", type=int, default=100_000)
    options = parser.parse_args()
    cases = (
        Case("`canary-wf --help`", lambda program, _: [program, "--help"]),
        Case("a batch of one job", _run_batch, jobs=1),
        Case("a batch of 1 000 jobs of `true`", _run_batch, jobs=1000),
        Case(f"`plan` of {options.planned:,} jobs".replace(",", " "), _plan, jobs=options.planned),
    )
    print("| | old: wall, CPU | new: wall, CPU | ratio: wall, CPU |\n|---|---|---|---|")
    for case in cases:
        rounds = options.rounds if case.command is not _plan else max(1, options.rounds // 2)
        old, new = _medians(case, (options.old, options.new), rounds)
        ratio = " | ".join(f"{wall:.3f} s, {cpu:.3f} s" for wall, cpu in (old, new))
        print(f"| {case.name} | {ratio} | {new[0] / old[0]:.2f}, {new[1] / old[1]:.2f} |", flush=True)


def _medians(case: Case, programs: tuple[str, str], rounds: int) -> list[tuple[float, float]]:
    """Return the median wall and CPU seconds of each program; the first round, which fills caches, does not count."""
    times: dict[str, list[tuple[float, float]]] = {program: [] for program in programs}
    for _ in range(rounds + 1):
        for program in programs:
            with tempfile.TemporaryDirectory() as folder:
                command = _prepared(case, program, Path(folder))
                times[program].append(_time(command, Path(folder)))
    columns = [zip(*times[program][1:], strict=True) for program in programs]
    return [(statistics.median(next(column)), statistics.median(next(column))) for column in columns]


def _prepared(case: Case, program: str, folder: Path) -> list[str]:
    """Return the command of `case`, after its jobs have been written, and planned where it runs them."""
    if case.jobs:
        entry = {"name": "a", "command": "true", "parameters": {"n": list(range(case.jobs))}, "runtime": "1s"}
        (folder / "a.jobs.json").write_text(json.dumps({"jobs": [entry]}))
    if case.command is _run_batch:
        generate = [program, "generate", "a.jobs.json", "-d", "out", "-b", "spec=count:1", "-b", "scheduler=local"]
        subprocess.run([*generate, "-b", "workers=2"], cwd=folder, check=True, capture_output=True)
    return case.command(program, folder)


def _run_batch(program: str, folder: Path) -> list[str]:
    plan = next((folder / "out" / ".canary-wf" / "sessions").glob("*/plan.json"))
    return [program, "run-batch", json.loads(plan.read_bytes())["batches"][0]["id"], "--plan", str(plan)]


def _plan(program: str, folder: Path) -> list[str]:
    return [program, "plan", str(folder / "a.jobs.json"), "-b", "scheduler=local", "-b", "spec=duration:30m"]


def _time(command: list[str], folder: Path) -> tuple[float, float]:
    """Return wall and CPU seconds of `command` and its children."""
    before, begin = os.times(), time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    wall, after = time.perf_counter() - begin, os.times()
    return wall, after.children_user - before.children_user + after.children_system - before.children_system


if __name__ == "__main__":
    main()
