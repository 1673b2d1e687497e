"""The command line in this process: what it printed and how it ended."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from canary_wf.cli.main import main

JOBS = """\
jobs:
  - {name: one, command: [sh, -c, 'echo first'], runtime: 1s, keywords: [fast], owners: [ada]}
  - {name: two, command: 'false', runtime: 1s, depends_on: [one], parameters: {n: [1, 2]}}
"""


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The JSON object that is all of standard output."""
        found: dict[str, Any] = json.loads(self.out)
        return found


class CommandLine:
    """Runs commands in a folder that holds a tree of tests; plans are made for this machine with two CPUs."""

    PLANNED = ("-b", "scheduler=local", "-r", "cpus=2", "-r", "gpus=0")

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.tree = folder / "tree"
        self.out = folder / "out"
        self._capsys = capsys
        self.tree.mkdir()

    def write(self, name: str, text: str) -> Path:
        """Write one file of the tree."""
        path = self.tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def __call__(self, *arguments: str | Path) -> Done:
        """Run one command."""
        self._capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return Done(code, *self._capsys.readouterr())

    def generate(self, *arguments: str | Path) -> Done:
        """Run `generate` on the tree."""
        return self("generate", self.tree, "-d", self.out, *self.PLANNED, *arguments)

    def files(self) -> Sequence[str]:
        """Return what lies in OUT, hidden files too."""
        return sorted(str(path.relative_to(self.out)) for path in self.out.rglob("*")) if self.out.exists() else []


def assert_one_line(done: Done, code: int, *words: str) -> None:
    """Check that a command ended with `code` and one line on standard error that has all `words`, and said no more."""
    assert done.code == code, done
    assert done.out == ""
    assert done.err.startswith("canary-wf: ")
    assert done.err.count("\n") == 1, done.err
    for word in words:
        assert word in done.err
