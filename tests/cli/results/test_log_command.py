"""`canary-wf log`: which output, how much of it, and how a terminal gets it."""

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import CommandLine, assert_one_line
from factories import plan_of, spec
from sessions import recorded

from canary_wf.cli.pager import pager_command
from canary_wf.plan.store import load_plan
from canary_wf.state.events import JobRetried
from canary_wf.state.recording import open_recorder
from canary_wf.state.session_paths import SessionPaths
from canary_wf.verdict.status import Outcome, Status

SCREEN = "\x1b[31mred\x1b[0m \x1b[2J\x1b]0;title\x07 10%\r20%\n\u202egnp\x9b31m\xff\n"


@pytest.fixture
def once(cli: CommandLine) -> Callable[[str], SessionPaths]:
    """Return what makes a session whose job `a` passed and wrote a text."""
    return lambda text: recorded(cli.folder, plan_of([spec("a")]), {"a": Outcome.SUCCESS}, output=text)


def _retry(paths: SessionPaths, output: str | None) -> None:
    """Let the job be retried once before it ran as it did."""
    plan = load_plan(paths.plan)
    batch = plan.batches[0]
    recorder = open_recorder(paths, batch.id, plan.jobs, ())
    recorder(JobRetried.of(plan.jobs[0].id, Status.of(Outcome.FAILED, "exit code 1"), 1001.0, {}, output))
    recorder.close()


@pytest.mark.parametrize(
    ("lines", "text", "shown"),
    [
        (0, "a\nb\n", ""),
        (1, "a\nb\n", "b\n"),
        (1, "a\nb", "b"),
        (2, "a\nb", "a\nb"),
        (2, "a\n\n\n", "\n\n"),
        (9, "a\nb\n", "a\nb\n"),
        (3, "", ""),
        (2, "x\n" * 99_999 + "y" * 99_999 + "\nz\n", "y" * 99_999 + "\nz\n"),
    ],
)
def test_the_last_lines(
    cli: CommandLine, once: Callable[[str], SessionPaths], lines: int, text: str, shown: str
) -> None:
    """As tail does, whatever the length of a line and the end of the last one."""
    once(text)
    assert cli("log", "a", "-n", str(lines)).out == shown


@pytest.mark.parametrize("option", ["--no-pager", "-f", "-n1"])
def test_an_output_without_a_byte_is_told(cli: CommandLine, once: Callable[[str], SessionPaths], option: str) -> None:
    """On standard error, so that another program still reads what the job wrote: nothing."""
    output = once("").job("a") / "canary-out.txt"
    done = cli("log", "a", option)
    assert (done.code, done.out, done.err) == (0, "", "(no output)\n")
    output.write_text("\n")
    assert cli("log", "a", option) == (0, "\n", "")


def test_the_last_lines_of_a_large_output_are_read_from_its_end(
    cli: CommandLine, once: Callable[[str], SessionPaths]
) -> None:
    """Nobody waits for what nobody asked for."""
    path = once("").job("a") / "canary-out.txt"
    with path.open("wb") as file:
        file.truncate(1 << 36)
        file.seek(0, os.SEEK_END)
        file.write(b"\nlast\n")
    assert cli("log", "a", "-n", "1").out == "last\n"


def test_the_output_of_each_run(cli: CommandLine) -> None:
    """Of a job that was retried; a number that is no run is refused."""
    paths = recorded(cli.folder, plan_of([spec("a")]), {}, running=["a"])
    (paths.job("a") / "canary-out.txt").rename(paths.job("a") / "canary-out.1.txt")
    _retry(paths, "canary-out.1.txt")
    (paths.job("a") / "canary-out.txt").write_text("second\n")
    assert cli("log", "a", "--attempt", "1").out == "output\n"
    assert cli("log", "a").out == "second\n"
    assert_one_line(cli("log", "a", "--attempt", "3"), 2, "--attempt", "3 is not a run", "job a", "ran")
    assert_one_line(cli("log", "a", "--attempt", "1", "-f"), 2, "-f")


def test_why_there_is_no_output(cli: CommandLine) -> None:
    """It waits, it did not run, or its folder was removed."""
    plan = plan_of([spec("a"), spec("b")])
    paths = recorded(cli.folder, plan, {"a": Outcome.SUCCESS, "b": Outcome.BLOCKED}, reason="needs x")
    for name in "ab":
        (paths.job(name) / "canary-out.txt").unlink()
    assert_one_line(cli("log", "a"), 4, "job a", "it ran (PASS), but its files are gone")
    assert_one_line(cli("log", "b"), 4, "it did not run: needs x")
    recorded(cli.folder, plan_of([spec("c")], session="20270101T000000.000000"), {})
    assert_one_line(cli("log", "c"), 4, "it was not started, and nothing runs")


def test_following_a_job_that_waits_says_so(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """On standard error, because a pipe gets the output alone."""
    recorded(cli.folder, plan_of([spec("a"), spec("b")]), {}, running=["a"], alive=True)
    looks = iter([True] * 3 + [False] * 20)
    monkeypatch.setattr("canary_wf.cli.results.log._PAUSE", 0)
    monkeypatch.setattr("canary_wf.report.session.is_being_run", lambda _: next(looks))
    monkeypatch.setattr("canary_wf.report.session.is_alive", lambda *_: False)
    done = cli("log", "b", "-f")
    assert (done.code, done.out) == (4, "")
    said, ended = done.err.splitlines()
    assert said.startswith("canary-wf: job b: it waits for its turn in batch ")
    assert "nothing runs" in ended


def _on_terminal(folder: Path, *options: str, **variables: str) -> str:
    """Return what `canary-wf log a` prints on a terminal."""
    master, slave = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TERM": "xterm", **variables}
    command = [sys.executable, "-m", "canary_wf", "log", "a", *options]
    subprocess.run(command, cwd=folder, env=environment, stdout=slave, stdin=slave, check=True)
    os.close(slave)
    text = os.read(master, 1 << 16).decode()
    os.close(master)
    return text.replace("\r\n", "\n")


@pytest.mark.long
def test_a_terminal_gets_nothing_but_colours(cli: CommandLine, once: Callable[[str], SessionPaths]) -> None:
    """A pipe gets what the job wrote. In a terminal, escapes can be read; the user may want no colours either."""
    paths = once("")
    (paths.job("a") / "canary-out.txt").write_bytes(SCREEN.encode("utf-8")[:-3] + b"\xff\n")
    harmless = "\x1b[31mred\x1b[0m \\x1b[2J\\x1b]0;title\\x07 10%\n20%\n\\u202egnp\\x9b31m\\xff\n"
    assert _on_terminal(cli.folder, "--no-pager") == f"{harmless}\x1b[0m"
    assert _on_terminal(cli.folder, "--no-pager", NO_COLOR="1") == harmless.replace("\x1b[31m", "").replace(
        "\x1b[0m", ""
    )
    assert _on_terminal(cli.folder, PAGER="sed s/red/blue/").startswith("\x1b[31mblue")
    assert _on_terminal(cli.folder, PAGER="head -c 1") == "\x1b"
    assert _on_terminal(cli.folder, PAGER="no-such-pager") == f"{harmless}\x1b[0m"


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"PAGER": "sort -r"}, ["sort", "-r"]),
        ({"PAGER": ""}, []),
        ({"PAGER": "cat"}, []),
        ({"PAGER": "'"}, []),
        ({"PAGER": "sort", "TERM": "dumb"}, []),
        ({"PAGER": "no-such-pager"}, []),
    ],
)
def test_which_pager(variables: dict[str, str], words: list[str]) -> None:
    """That of the user, if it is there and the terminal can do it."""
    assert pager_command({"TERM": "xterm", **variables}) == words
