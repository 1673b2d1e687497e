"""Snakemake on damaged workspaces: it reads the workflow, runs it, and runs a larger one that the suite is a part of.

Its own errors are its own business. But what canary-wf does inside of it must raise nothing but errors of ours, and a
run must not pass in which a job failed.
"""

import builtins
import importlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from damage_world import HUNG, Ended, age, command, in_child, must, write_tree

LARGER = """\
module tests:
    snakefile:
        "../workflow/module.smk"
    prefix:
        "results/tests"


use rule * from tests as tests_*


rule all:
    default_target: True
    input:
        rules.tests_gate.output,
        rules.tests_report.output,
        "results/paths.csv",


rule simulate:
    output:
        "results/paths.csv",
    shell:
        "echo 1 > {output}"
"""
"""The larger workflow, which lies and runs in the folder `larger` of the suite's."""

RUNS = ("--profile local", "--profile local --logger canary", "--profile local --quiet all", "-n --profile local")
RUNS_OF_LARGER = ("--cores 2 --keep-going", "--cores 2 --keep-going --logger canary", "-n")

READ_BY_SNAKEMAKE = ("workflow", "local", "slurm", "slurm-sbatch", "larger")
"""Folders whose files Snakemake itself opens, as programs and settings."""

LIMIT = 300.0
"""Seconds within which a run ends; a busy machine takes a minute."""

LOGS = ("/log.txt", "/gate.txt")
"""Files that Snakemake itself makes and removes, wherever links lead."""

_OF_PYTHON = "|".join(
    name for name, each in vars(builtins).items() if isinstance(each, type) and issubclass(each, Exception)
)
_RAISED = re.compile(rf"^\s*(?:{_OF_PYTHON})(?: in |:|$)|^\s*Traceback \(most", re.MULTILINE)
_OURS = re.compile(r'File "[^"]*/(?:canary_wf|snakemake_logger_plugin_canary)/')


def load_snakemake() -> None:
    """Import what Snakemake imports for a run, so that its processes find it."""
    for name in ("snakemake.cli", "snakemake.api", "snakemake.executors.local", "snakemake_logger_plugin_canary"):
        importlib.import_module(name)


def make_embedded(place: Path, world: Path) -> Path:
    """Make a suite that a larger workflow ran twice, at `place`, which its files may name; return where it is then."""
    write_tree(place)
    (place / "larger").mkdir()
    (place / "larger" / "Snakefile").write_text(LARGER)
    for _ in range(2):
        must(command(["generate", "-b", "spec=count:2", "--module"], place))
        ended = snakemake(RUNS_OF_LARGER[0], place, larger=True)
        if ended.code != 1 or not any(place.glob("larger/results/tests/.canary-wf/sessions/*/report/report.json")):
            raise AssertionError(ended)
    age(place)
    return place.rename(world)


def snakemake(arguments: str, folder: Path, *, larger: bool, obeys: bool = False) -> Ended:
    """Run Snakemake in the workspace `folder`, or in the `larger` workflow beside the suite."""
    name = f"{'larger: ' if larger else ''}snakemake {arguments}"
    return in_child(name, _main(arguments, larger=larger), folder, obeys=obeys, limit=LIMIT)


def _main(arguments: str, *, larger: bool) -> Callable[[], int]:
    def run() -> int:
        from snakemake.cli import main  # type: ignore[import-untyped]  # it has no types

        if larger:
            os.chdir("larger")
        sys.argv = ["snakemake", *arguments.split()]
        try:
            main(arguments.split())
        except SystemExit as ended:
            return ended.code if isinstance(ended.code, int) else 1
        return 0

    return run


def without_logs(snapshot: dict[str, tuple[object, ...]]) -> dict[str, tuple[object, ...]]:
    """Return `snapshot` without Snakemake's log files, and without the times of folders, which change with these."""
    left = {name: facts for name, facts in snapshot.items() if not name.endswith(LOGS)}
    return {name: facts if facts[-1] is not None else facts[:3] for name, facts in left.items()}


def problems_of_run(ended: Ended) -> Iterator[str]:
    """Yield what is wrong with how a Snakemake ended."""
    if ended.code == HUNG:
        yield f"{ended.command}: hangs"
        return
    told = " / ".join(ended.err.strip().splitlines()[-8:])
    if ended.code not in {0, 1} or (_RAISED.search(ended.err) and _OURS.search(ended.err)):
        yield f"{ended.command}: ended with {ended.code}: {told}"
    if ended.code == 0 and " -n" not in ended.command:
        yield f"{ended.command}: passes although a job failed: {told}"
    if ended.code and not ended.err.strip():
        yield f"{ended.command}: ended with {ended.code} and said nothing"
