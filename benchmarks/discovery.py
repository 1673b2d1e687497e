"""How long finding, planning and writing take, beside canary on the same tree: wall time and peak memory.

    python benchmarks/discovery.py [--canary PROGRAM] [--rounds N] [--tree FILESxPARAMETERS …] [--json]

For each tree of `.pyt` files: `find`, `generate` into an empty workspace, `generate` and `find` again with all files
unchanged, and, where a `canary` program is named, `canary find`. A tree ``1xN`` is one job file with N separate
entries, in YAML or with ``--json`` in JSON. Times are medians of the rounds, memory is the largest of all rounds.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

TREES = ("1000x10", "1000x100", "1x10000")
FOLDER = 50
"""Files of one folder."""

TEST = """import canary

canary.directives.keywords("fast")
canary.directives.parameterize("n", range({count}))


def test():
    return canary.get_instance().parameters.n >= 0


if __name__ == "__main__":
    test()
"""


def make_tree(folder: Path, files: int, parameters: int, *, in_json: bool) -> None:
    """Write the test files of one tree into `folder`."""
    if files == 1 and in_json:
        folder.mkdir(parents=True)
        (folder / "all.jobs.json").write_text(json.dumps({"jobs": [_entry(number) for number in range(parameters)]}))
        return
    if files == 1:
        entry = "  - {{name: job{0}, command: [echo, '{0}'], keywords: [fast], timeout: 1m}}\n"
        folder.mkdir(parents=True)
        entries = "".join(entry.format(number) for number in range(parameters))
        (folder / "all.jobs.yaml").write_text(f"jobs:\n{entries}")
        return
    for number in range(files):
        path = folder / f"d{number // FOLDER:04}" / f"test{number:06}.pyt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(TEST.format(count=parameters))


def _entry(number: int) -> dict[str, object]:
    """Return an entry of a job file; every third one depends on the one before it."""
    entry = {"name": f"job{number}", "command": ["echo", str(number)], "keywords": ["fast"], "timeout": "1m"}
    return {**entry, "depends_on": [f"job{number - 1}"]} if number % 3 == 1 else entry


class Measured(NamedTuple):
    """One run of a command: seconds of wall and of CPU time, and MiB of the largest process."""

    wall: float
    cpu: float
    memory: float


def measure(command: list[str], folder: Path, cache: Path) -> Measured:
    """Run `command` in `folder`; its workers count too."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    with (folder / "errors").open("w+") as errors:
        started = time.perf_counter()
        child = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            errors.seek(0)
            sys.exit(f"{' '.join(command)}: {errors.read()}")
    return Measured(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def rows(tree: Path, work: Path, rounds: int, canary: str | None) -> Iterator[tuple[str, list[Measured]]]:
    """Yield what was measured on `tree`: the name of a command and its rounds."""
    ours = [sys.executable, "-m", "canary_wf"]
    generate = [*ours, "generate", str(tree), "-d", str(work / "out"), "-b", "scheduler=local"]

    def fresh() -> None:
        for name in ("out", "cache", "peer"):
            shutil.rmtree(work / name, ignore_errors=True)
        (work / "peer").mkdir(parents=True)

    find = [*ours, "find", str(tree)]
    cases: list[tuple[str, list[str], Callable[[], None] | None, str]] = [
        ("canary-wf find", find, fresh, "peer"),
        ("canary-wf generate", generate, fresh, "peer"),
        ("canary-wf generate, unchanged", generate, None, "peer"),
        ("canary-wf find, unchanged", find, None, "out"),
    ]
    if canary and tree.name != "jobs":
        cases.append(("canary find", [canary, "find", "-r", str(tree)], fresh, "peer"))
    for name, command, before, place in cases:
        results = []
        for _ in range(rounds):
            (before or (lambda: _forget_sessions(work / "out")))()
            results.append(measure(command, work / place, work / "cache"))
        yield name, results


def _forget_sessions(out: Path) -> None:
    shutil.rmtree(out / ".canary-wf" / "sessions", ignore_errors=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--canary", help="the canary program of an environment with canary-wm")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tree", action="append", help="FILESxPARAMETERS; may be repeated")
    parser.add_argument("--json", action="store_true", help="write job files in JSON")
    options = parser.parse_args()
    print("| tree | jobs | command | wall s | CPU s | MiB |\n|---|---:|---|---:|---:|---:|")
    for text in options.tree or TREES:
        files, parameters = (int(number) for number in text.split("x"))
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder)
            tree = work / ("jobs" if files == 1 else "tree")
            make_tree(tree, files, parameters, in_json=options.json)
            what = "one job file" if files == 1 else f"{files} files x {parameters}"
            for name, results in rows(tree, work, options.rounds, options.canary):
                wall, cpu = (statistics.median(column) for column in list(zip(*results, strict=True))[:2])
                memory = max(each.memory for each in results)
                print(f"| {what} | {files * parameters} | {name} | {wall:.2f} | {cpu:.2f} | {memory:.0f} |", flush=True)


if __name__ == "__main__":
    main()
