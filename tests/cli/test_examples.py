"""The examples of `--help` do what they say they are for: each is run in a folder that has what it names."""

import os
import shlex
from pathlib import Path

import pytest
from command_line import CommandLine
from sessions import recorded

from canary_wf.cli.examples import EXAMPLES, PROGRAM
from canary_wf.cli.main import COMMANDS
from canary_wf.plan.store import load_plan, newest_session
from canary_wf.verdict.status import Outcome

JOBS = """\
jobs:
  - {name: mesh, command: 'true', runtime: 1s, keywords: [fast]}
  - {name: solve, command: ['true'], parameters: {cells: [8, 16]}, depends_on: [mesh], runtime: 1s}
  - {name: words, command: 'true', runtime: 1s, keywords: [fast]}
"""

FAILURES = {"run": 1, "status": 1, "diff": 1, "report": 1, "rebaseline": 2}
"""The exit codes of commands that tell of failures; only a `.pyt` file could declare what rebaseline copies."""


@pytest.fixture
def ran(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """Return a folder with tests, two sessions that have run, and some run times."""
    monkeypatch.chdir(cli.folder)
    monkeypatch.setenv("SLURM_CONF", os.devnull)  # a cluster that other tests start must not be planned for
    cli.tree.rename(cli.folder / "tests")
    Path("tests/heat.jobs.yaml").write_text(JOBS)
    ok = Outcome.SUCCESS
    for outcomes in (
        {"words": ok, "mesh": ok, "solve.cells=8": ok, "solve.cells=16": ok},
        {"words": ok, "mesh": ok, "solve.cells=8": Outcome.DIFFED, "solve.cells=16": Outcome.TIMEOUT},
    ):
        assert cli("generate", "tests", *cli.PLANNED).code == 0
        paths = newest_session(Path.cwd())
        plan = load_plan(paths.plan)
        paths.folder.rename(paths.folder.with_name(f".{paths.session}"))
        recorded(Path.cwd(), plan, outcomes, output="what it said\n")
    return cli


def _commands(text: str) -> list[list[str]]:
    """Return the commands of ours in an example, without what leads their output into a file or another command."""
    found = [shlex.split(part.removeprefix('cd "$(').removesuffix(')"')) for part in text.split(" && ")]
    return [words[: words.index(">")] if ">" in words else words for words in found if words[0] == "canary-wf"]


@pytest.mark.usefixtures("quick_runs")
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_of_a_command_run(name: str, ran: CommandLine) -> None:
    """One after the other, on a session in which jobs have failed."""
    for example in EXAMPLES[name]:
        for words in _commands(example.command):
            done = ran(*words[1:])
            assert done.code in {0, FAILURES.get(words[1], 0)}, (words, done.err)
            assert done.out or done.err, words


def test_no_example_is_of_a_command_that_there_is_not() -> None:
    """A renamed command takes its examples along."""
    assert set(EXAMPLES) - {PROGRAM} <= set(COMMANDS)


def test_every_purpose_reads_as_a_comment() -> None:
    """A short phrase on one line."""
    for example in (each for examples in EXAMPLES.values() for each in examples):
        assert example.purpose[0].islower()
        assert not example.purpose.endswith(".")
