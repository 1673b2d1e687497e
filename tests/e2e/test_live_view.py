"""A real run on a real terminal: what one sees while it goes on, in which size, and what is left on the screen."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from virtual_terminal import VirtualTerminal
from workspace import BIN, Workspace

JOBS = """\
jobs:
  - {name: bad, command: [sh, -c, 'echo the lid is open; exit 3'], runtime: 1s}
  - {name: long, command: [sh, -c, 'until test -e $GO; do sleep 0.05; done'], runtime: 20s, timeout: 10m}
  - {name: after, command: 'true', depends_on: [long]}
"""


@pytest.fixture
def ready(workspace: Workspace) -> Workspace:
    """Return a workspace with a job that fails, one that runs until the file ``go`` is there, and one behind it."""
    workspace.write("a.jobs.yaml", JOBS)
    workspace.environment |= {"TERM": "xterm-256color", "GO": str(workspace.tree / "go")}
    for name in ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "NO_COLOR", "COLUMNS", "LINES"):
        workspace.environment.pop(name, None)
    return workspace


@contextmanager
def _run(workspace: Workspace, terminal: VirtualTerminal) -> "Iterator[subprocess.Popen[bytes]]":
    """Start the run on `terminal`, and yield its process once the failure and the long job are on the screen."""
    planned = ("-b", "scheduler=local", "-b", "spec=count:max", "-r", "cpus=2", "-r", "gpus=0")
    command: list[str | Path] = [BIN / "canary-wf", "run", workspace.tree, "-d", workspace.out, *planned]
    process = terminal.start(command, workspace.tree, workspace.environment)
    try:
        terminal.wait_for(lambda text: "FAIL bad" in text and re.search(r"\blong +\d", text), 60)
        yield process
    finally:
        Path(workspace.environment["GO"]).touch()
        process.wait(60)


def _is_whole(text: str) -> bool:
    """Return whether the screen has each part of the view once, the failure above."""
    lines = text.splitlines()
    parts = (": exit code 3: the lid is open", "1/3, ", "1 failed, 1 running, 1 waiting", " long ")
    places = [[number for number, line in enumerate(lines) if part in line] for part in parts]
    return all(len(found) == 1 for found in places) and places == sorted(places)


@pytest.mark.smoke
@pytest.mark.parametrize("size", [(80, 24), (200, 50)], ids=["80x24", "200x50"])
def test_a_run_is_seen_on_a_terminal(ready: Workspace, size: tuple[int, int]) -> None:
    """While it runs, in a window that becomes smaller and larger, and from another terminal; then how it ended."""
    with VirtualTerminal(*size) as terminal, VirtualTerminal(120, 40) as other:
        with _run(ready, terminal) as process:
            terminal.wait_for(_is_whole)
            for columns, rows in ((70, 20), (150, 45), size):
                terminal.resize(columns, rows)
                terminal.wait_for(_is_whole)
            watch: list[str | Path] = [BIN / "canary-wf", "status", "-d", ready.out, "--watch"]
            watching = other.start(watch, ready.tree, ready.environment)
            other.wait_for(lambda text: re.search(r"\blong +\d.* 20s +10m00s ", text), 60)
            other.wait_for(_is_whole)
        terminal.wait_for(lambda text: "Again: canary-wf run --failed" in text)
        assert process.returncode == 1
        lines = terminal.lines()
        assert any(line.startswith("2 passed, 1 failed in ") for line in lines), "\n".join(lines)
        assert not any("1 waiting" in line or "/3, " in line for line in lines)
        assert watching.wait(60) == 1
        assert "2 passed, 1 failed in " in other.wait_for(lambda text: "Again: " in text)


def test_ctrl_c_is_answered_and_says_how_to_go_on(ready: Workspace) -> None:
    """The view says that the run pauses, and leaves the screen to the sum."""
    with VirtualTerminal() as terminal:
        with _run(ready, terminal) as process:
            terminal.type("\x03")
            terminal.wait_for(lambda text: "Go on: canary-wf run" in text, 60)
        assert process.returncode == 130
        assert not any("1 waiting" in line and "running" in line for line in terminal.lines())
