"""Damage to a workspace: whatever lies in the place of one of its files, commands say so in a line and do no harm.

    python tests/damage/damage_campaign.py --rounds 5000 --seed 1      (or: make damage ROUNDS=5000 SEED=1)

prints every round that went wrong with its seed; `--rounds 1 --seed N` does that one again. In each, one file or folder
of a workspace is damaged in one way. Then some of the commands that only read are run, and some that write, each on a
copy. None may raise, hang or fill the memory, none may call passed what failed, and nothing outside may change.

With `--snakemake`, which takes twice as long, Snakemake reads and runs each workspace as well; one more of them is a
suite that is a part of a larger workflow.
"""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent / "support"))

from damage_kinds import OF_FILES, OF_FOLDERS, Kind, Place
from damage_snakemake import (
    READ_BY_SNAKEMAKE,
    RUNS,
    RUNS_OF_LARGER,
    load_snakemake,
    make_embedded,
    problems_of_run,
    snakemake,
    without_logs,
)
from damage_world import HUNG, Ended, command, copied, in_child, make_worlds, remove, snapshot

from canary_wf.errors import CanaryWfError, WorkspaceError
from canary_wf.snakemake.event_handlers import workflow_failed, workflow_started, workflow_succeeded
from canary_wf.snakemake.runtime_request import runtime_minutes
from canary_wf.state.session_paths import session_names
from canary_wf.workflow.batch_table import BatchTable

STATE = ("batches/", "slices/", "jobs/", "plan.json", ".canary-wf/history", ".canary-wf/workflow.json")
"""How the roles begin of the files that say what is planned and what became of it."""

ALWAYS = ("status", "report junit --exit-code")
"""Commands that every round runs, and that must agree."""

READING = (
    *("status --json", "status -r all", "status -r failed -k bad", "log bad", "location bad"),
    *(f"report {format_name} --exit-code" for format_name in ("html", "json", "markdown", "summary")),
    "report cdash -o ../cdash --exit-code",
    *("diff", "history", "gc --dry-run", "plan", "find", "describe tests/b.pyt", "config"),
    "pool --resource-pool-file pool.yaml",
)
WRITING = (
    *("generate", "generate --update", "rerun", "rerun --failed", "rerun bad", "cancel", "gc --keep 1", "rebaseline"),
    *("history forget bad", "run-batch", "write-reports", "gate", "handlers", "reading of the workflow"),
)
STATES = ("status", "report ")
"""How the commands begin whose exit code says whether all passed."""

READ_AT_ONCE = 5
WRITES_AT_ONCE = 2
"""Commands of one round that only read, and that write."""

CODES = range(5)


class Round(NamedTuple):
    """One round: what was damaged, and what went wrong."""

    seed: int
    what: str
    problems: list[str]
    commands: int

    def __str__(self) -> str:
        return "\n    ".join([f"seed {self.seed}: {self.what}", *self.problems])


class Campaign:
    """Rounds on copies of the same workspaces, in one folder."""

    def __init__(self, folder: Path, *, snakemake: bool = False) -> None:
        self.folder = folder
        self._outside = folder / "outside"
        self._work = folder / "work"
        self._snakemake = snakemake
        self.worlds = make_worlds(folder)
        if snakemake:
            load_snakemake()
            self.worlds["embedded"] = make_embedded(self._work, folder / "embedded")

    def run(self, seed: int) -> Round:
        """Do the round of `seed`."""
        chance = random.Random(seed)  # noqa: S311 - nothing is secret here
        name, world = chance.choice(sorted(self.worlds.items()))
        places: dict[str, list[Path]] = {}
        for path in sorted(path.relative_to(world) for path in world.rglob("*") if _counts(path, world)):
            places.setdefault(_role(path), []).append(path)
        state = [role for role in places if role.startswith(STATE) and role.endswith((".json", ".jsonl", "slices/"))]
        role = chance.choice(sorted(places if chance.random() < 0.4 else state))
        target = chance.choice(places[role])
        kinds = OF_FOLDERS if (world / target).is_dir() else OF_FILES
        kind = chance.choice(kinds)
        # Root may read and write everything, so it gives that up where modes are what is tried.
        obeys = kind.__name__ in {"forbidden", "read_only"} or chance.random() < 0.2
        problems: list[str] = []
        told = 0
        damaged = partial(self._prepare, world, target, kind, seed)
        for ended in self._commands(damaged, chance, problems, obeys=obeys):
            told += 1
            problems += _problems(ended, target)
        if self._snakemake and target.parts[0] not in READ_BY_SNAKEMAKE:
            for ended in self._runs(damaged, chance, problems, larger=name == "embedded", obeys=obeys):
                told += 1
                problems += problems_of_run(ended) if "snakemake" in ended.command else _problems(ended, target)
        what = f"{kind.__name__} at {name}/{target}{', modes obeyed' if obeys else ''}"
        return Round(seed, what, problems, told)

    def _commands(
        self, damaged: Callable[[], None], chance: random.Random, problems: list[str], *, obeys: bool
    ) -> Iterator[Ended]:
        damaged()
        before = snapshot(self._outside)
        seen: dict[str, int] = {}
        for text in (*ALWAYS, *chance.sample(READING, READ_AT_ONCE)):
            ended = command(text.split(), self._work, obeys=obeys)
            seen[text] = ended.code
            yield ended
        problems += _disagreement(seen)
        problems += _changes(before, snapshot(self._outside), "reading")
        for text in chance.sample(WRITING, WRITES_AT_ONCE):
            damaged()
            before = snapshot(self._outside)
            yield self._write(text, obeys=obeys)
            if not text.startswith(("generate", "gc")):
                yield command(["status"], self._work, obeys=obeys)
            problems += _changes(before, snapshot(self._outside), text)

    def _runs(
        self, damaged: Callable[[], None], chance: random.Random, problems: list[str], *, larger: bool, obeys: bool
    ) -> Iterator[Ended]:
        """Run Snakemake, and in half of the cases once more on what the first one left."""
        choices = [(text, False) for text in RUNS] + [(text, True) for text in RUNS_OF_LARGER if larger]
        damaged()
        before = without_logs(snapshot(self._outside))
        for text, in_larger in chance.sample(choices, chance.choice([1, 2])):
            yield snakemake(text, self._work, larger=in_larger, obeys=obeys)
            yield command(["status"], self._work, obeys=obeys)
            problems += _changes(before, without_logs(snapshot(self._outside)), f"snakemake {text}")

    def _write(self, text: str, *, obeys: bool) -> Ended:
        works: dict[str, Callable[[], int]] = {
            "run-batch": self._run_batch,
            "write-reports": lambda: _main(["write-reports", *self._reports()]),
            "gate": lambda: _main(
                ["gate", "--plan", str(self._plan()), "--result", str(self._plan().parent / "gate.json")]
            ),
            "handlers": self._handlers,
            "reading of the workflow": self._read_workflow,
        }
        if text in works:
            return in_child(text, works[text], self._work, obeys=obeys)
        return command(text.split(), self._work, obeys=obeys)

    def _plan(self) -> Path:
        try:
            names = session_names(self._work) or ["none"]
        except WorkspaceError:
            names = ["unknown"]
        return self._work / ".canary-wf" / "sessions" / names[-1] / "plan.json"

    def _reports(self) -> list[str]:
        folder = self._plan().parent / "report"
        names = {"json": "report.json", "junit": "junit.xml", "markdown": "report.md", "html": "report.html"}
        return [
            "--plan",
            str(self._plan()),
            *(part for kind in names for part in (f"--{kind}", str(folder / names[kind]))),
        ]

    def _run_batch(self) -> int:
        from canary_wf.run.runner import main as run_batch

        slices = self._plan().parent / "slices"
        names = sorted(path.stem for path in slices.iterdir()) if os.path.isdir(slices) else []  # noqa: PTH112 - also False where nobody may look
        codes = [run_batch([name, "--plan", str(self._plan())]) for name in names]
        return max(codes, default=0)

    def _handlers(self) -> int:
        for handler in (workflow_started, workflow_failed, workflow_succeeded):
            handler(str(self._plan()))
        return 0

    def _read_workflow(self) -> int:
        """Do what reading the rules does for each batch; Snakemake tells an error of ours in its own way."""
        slices = self._plan().parent / "slices"
        try:
            for batch in sorted(path.stem for path in slices.iterdir()) if os.path.isdir(slices) else []:  # noqa: PTH112 - as above
                runtime_minutes(str(self._plan()), batch, 1)
            if os.path.exists(self._plan().parent / "batch-table.json"):  # noqa: PTH110 - as above
                BatchTable(str(self._plan())).results()
        except CanaryWfError as error:
            sys.stderr.write(f"canary-wf: {error}\n")
            return error.exit_code
        return 0

    def _prepare(self, world: Path, target: Path, kind: Kind, seed: int) -> None:
        """Put a damaged copy of `world` into the folder for it, and what lies outside anew beside it."""
        if os.path.lexists(self._outside):
            remove(self._outside)
        self._outside.mkdir()
        (self._outside / "letter.txt").write_text("Dear Ada,\n")
        (self._outside / "album").mkdir()
        (self._outside / "album" / "photo").write_text("x")
        copied(world, self._work)
        kind(Place(self._work / target, self._outside, random.Random(seed)))  # noqa: S311 - nothing is secret here


def _counts(path: Path, world: Path) -> bool:
    parts = path.relative_to(world).parts
    return parts[0] != "prefix" and not path.is_symlink() and "__pycache__" not in parts


def _role(path: Path) -> str:
    """Return what a file or folder is to a workspace: chosen first, as some have many of a kind."""
    inner = path.parts[3:] if path.parts[:2] == (".canary-wf", "sessions") else path.parts
    if inner[:1] in {("batches",), ("slices",)}:
        return f"{inner[0]}/{path.name if path.suffix != '.json' or inner[0] == 'batches' else ''}"
    return f"jobs/{path.name if path.suffix else ''}" if inner[:1] == ("jobs",) else "/".join(inner)


def _main(arguments: list[str]) -> int:
    from canary_wf.cli.main import main

    return main(arguments)


def _problems(ended: Ended, target: Path) -> Iterator[str]:
    """Yield what is wrong with how a command ended."""
    if ended.code == HUNG:
        yield f"{ended.command}: hangs"
        return
    if ended.code not in CODES or "Traceback (most" in ended.err:  # what a job printed may hold one, too
        yield f"{ended.command}: ended with {ended.code}: {' / '.join(ended.err.strip().splitlines()[-4:])}"
        return
    odd = [line for line in ended.err.splitlines() if line and not line.startswith(("canary-wf: ", "Wrote "))]
    if odd and ended.command not in {"run-batch", "gate"}:
        yield f"{ended.command}: says {odd[:3]}"
    if ended.code > 1 and not ended.err.strip():
        yield f"{ended.command}: ended with {ended.code} and said nothing"
    if ended.code == 0 and (ended.command.startswith(STATES) or ended.command == "gate"):
        yield f"{ended.command}: calls passed what failed: {ended.out[:300]!r}"
    if ended.command == "generate" and ended.code and _is_of_a_session(target):
        yield f"generate: does not lead out: {ended.err.strip()}"


def _is_of_a_session(target: Path) -> bool:
    return target.parts[:2] == (".canary-wf", "sessions") and len(target.parts) > 3


def _disagreement(seen: dict[str, int]) -> list[str]:
    codes = {text: code for text, code in seen.items() if text.startswith(STATES)}
    return [f"exit codes differ: {json.dumps(codes)}"] if len(set(codes.values())) > 1 else []


def _changes(before: dict[str, tuple[object, ...]], after: dict[str, tuple[object, ...]], doing: str) -> list[str]:
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return [f"{doing}: changed outside: {changed[:5]}"] if changed else []


def set_up(folder: Path, *, snakemake: bool) -> Campaign:
    """Return a campaign in `folder`, in an environment of its own; with `snakemake` it runs that, too."""
    os.environ.update(
        HOME=str(folder), CANARY_WF_HEARTBEAT="0.5", CANARY_WF_LEASE_DIR=str(folder / "leases"), NO_COLOR="1"
    )
    for name in ("CANARY_WF_CONFIG", "SLURM_JOB_ID", "GITHUB_STEP_SUMMARY"):
        os.environ.pop(name, None)
    os.umask(0o022)
    return Campaign(folder, snakemake=snakemake)


def main() -> int:
    """Do the rounds that the command line asks for, and tell what went wrong."""
    parser = argparse.ArgumentParser(description="Damage workspaces and check that commands say so and do no harm.")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--snakemake", action="store_true", help="Run Snakemake and a larger workflow, too.")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="canary-wf-damage-"))
    campaign = set_up(folder, snakemake=options.snakemake)
    bad = commands = 0
    for seed in range(options.seed, options.seed + options.rounds):
        done = campaign.run(seed)
        commands += done.commands
        if done.problems:
            bad += 1
            sys.stdout.write(f"{done}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{options.rounds} rounds from seed {options.seed}, {commands} commands; {bad} went wrong\n")
    shutil.rmtree(folder, ignore_errors=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
