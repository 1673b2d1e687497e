"""What `canary-wf run` costs from the first key to the prompt, beside Snakemake alone on a workflow that is there.

    python benchmarks/run_command.py [--jobs 20] [--rounds 5]

Each round runs both once, so that a noisy machine hurts both alike; the table shows medians and their ratio. `run`
finds, plans and writes as well, and waits for all of Snakemake's steps; Snakemake is the one of this environment.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BIN = Path(sys.executable).parent
CANARY_WF = str(BIN / "canary-wf")


def tree(folder: Path, jobs: int) -> None:
    """Write a tree of tests with `jobs` jobs that do nothing."""
    entries = [{"name": f"job{number:04}", "command": "true"} for number in range(jobs)]
    (folder / "tests").mkdir(parents=True)
    (folder / "tests" / "a.jobs.json").write_text(json.dumps({"jobs": entries}))


def timed(command: list[str], folder: Path) -> float:
    """Run `command` in `folder`; return the seconds that it took. Raises CalledProcessError when it fails."""
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def measure(folder: Path, jobs: int, rounds: int) -> tuple[list[float], list[float]]:
    """Return the seconds that Snakemake alone and `canary-wf run` took in each round."""
    alone, whole = [], []
    for number in range(rounds):
        here = folder / str(number)
        for name in ("snakemake", "run"):
            tree(here / name, jobs)
        timed([CANARY_WF, "generate", "tests", "-b", "scheduler=local"], here / "snakemake")
        alone.append(timed([str(BIN / "snakemake"), "--profile", "local"], here / "snakemake"))
        whole.append(timed([CANARY_WF, "run", "tests", "-b", "scheduler=local"], here / "run"))
    return alone, whole


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--jobs", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="run-command-") as folder:
        alone, whole = measure(Path(folder), options.jobs, options.rounds)
    for name, seconds in (("snakemake --profile local", alone), ("canary-wf run", whole)):
        print(f"{name:<26} {statistics.median(seconds):6.2f} s  ({min(seconds):.2f}-{max(seconds):.2f})")
    print(f"ratio {statistics.median(whole) / statistics.median(alone):.2f}")


if __name__ == "__main__":
    main()
