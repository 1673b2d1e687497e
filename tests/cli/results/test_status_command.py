"""`canary-wf status`: the failures and their reasons, the sum at the end, tables in any order."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import CommandLine, assert_one_line
from factories import plan_of, spec
from sessions import recorded, recorded_session

from canary_wf.plan.store import load_plan, newest_session
from canary_wf.verdict.status import Outcome

OK, FAILED, TIMEOUT = Outcome.SUCCESS, Outcome.FAILED, Outcome.TIMEOUT
FAILED_RUN = {"one": OK, "two.n=1": FAILED, "two.n=2": TIMEOUT}


def test_the_sum_and_the_next_command_are_the_last_lines(small: CommandLine) -> None:
    """Before them each failure in two lines; the log's path is there to be opened."""
    recorded_session(small, FAILED_RUN)
    done = small("status", "-d", small.out)
    lines = done.out.splitlines()
    assert done.code == 1
    assert lines[-2:] == ["1 passed, 2 failed in 2.0s", "Again: canary-wf run --failed -d out"]
    assert lines[0] == "FAIL two.n=1 after 2.0s"
    assert lines[2] == "FAIL TIMEOUT two.n=2 after 2.0s"
    logs = [line.removeprefix("  log: ") for line in lines if line.startswith("  log: ")]
    assert logs[0] == "out/TestResults/two.n=1/canary-out.txt"
    assert [Path(log).read_text() for log in logs] == ["output\n", "output\n"]
    assert len(lines) == 7


def test_fourteen_failures_are_not_a_hundred_lines(cli: CommandLine) -> None:
    """Their sum is in sight on a small terminal; -v and -n show what they printed."""
    names = [f"j{number}" for number in range(14)]
    recorded(cli.out, plan_of([spec(name) for name in names]), dict.fromkeys(names, FAILED), reason="exit code 1: no")
    lines = cli("status", "-d", cli.out).out.splitlines()
    assert len(lines) == 2 * 14 + 3
    assert lines[0] == "FAIL j0 after 2.0s: exit code 1: no"
    assert "  | output" not in lines
    for options in (["-v"], ["-n", "1"], ["-v", "-n", "1"]):
        assert cli("status", "-d", cli.out, *options).out.splitlines().count("  | output") == 14
    assert "  | output" not in cli("status", "-d", cli.out, "-n", "0").out


def test_when_all_passed_status_is_one_line(small: CommandLine) -> None:
    """And exit code 0."""
    recorded_session(small, dict.fromkeys(FAILED_RUN, OK))
    assert small("status", "-d", small.out) == (0, "All 3 jobs passed in 2.0s\n", "")


def test_a_session_that_was_not_run_is_no_success(small: CommandLine) -> None:
    """A script that goes by the exit code must not take a run that never began for one that passed."""
    small.generate()
    done = small("status", "-d", small.out)
    assert (done.code, done.out) == (1, "3 jobs, not run yet\nNext: canary-wf run -d out\n")


def test_a_running_session_has_not_failed_yet(small: CommandLine) -> None:
    """Its exit code is 0 as long as nothing failed."""
    recorded_session(small, {"one": OK}, running="two.n=1")
    done = small("status", "-d", small.out)
    assert done.code == 0
    assert done.out.splitlines()[-2].startswith("Running: 1 passed, 1 running, 1 waiting after ")


def test_after_an_interrupt_status_says_how_it_goes_on(small: CommandLine) -> None:
    """The session is incomplete, and what is left is told."""
    recorded_session(small, {"one": OK, "two.n=1": Outcome.INTERRUPTED})
    done = small("status", "-d", small.out)
    assert done.code == 1
    assert done.out.splitlines()[-2:] == [
        "Incomplete: 1 passed, 1 interrupted, 1 not run in 2.0s",
        "Go on: canary-wf run -d out",
    ]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["-r", "all"], "one two.n=1 two.n=2"),
        (["-r", "passed"], "one"),
        (["-k", "fast"], "one"),
        (["-k", "two"], "two.n=1 two.n=2"),
        (["-r", "failed", "-k", "*n=2"], "two.n=2"),
        (["-r", "timeout,success"], "one two.n=2"),
        (["--sort", "status"], "two.n=1 two.n=2 one"),
        (["--durations", "-r", "failed"], "two.n=1 two.n=2"),
        (["--durations", "2"], "one two.n=1"),
        (["--durations", "0"], "one two.n=1 two.n=2"),
    ],
)
def test_status_lists_what_is_asked_for(small: CommandLine, options: list[str], names: str) -> None:
    """In words and as JSON, in the order that is asked for."""
    recorded_session(small, FAILED_RUN)
    lines = small("status", "-d", small.out, *options).out.splitlines()
    assert [line.split()[-1] for line in lines[1:-3]] == names.split()
    assert lines[-2] == "1 passed, 2 failed in 2.0s"
    found = small("status", "-d", small.out, "--json", *options).json
    assert [job["name"] for job in found["jobs"]] == names.split()
    assert sum(found["counts"].values()) == 3


def test_status_refuses_what_makes_no_sense(small: CommandLine) -> None:
    """One line, exit code 2."""
    recorded_session(small, FAILED_RUN)
    assert_one_line(small("status", "-d", small.out, "-k", "("), 2, "-k")
    assert_one_line(small("status", "-d", small.out, "--watch", "--json"), 2, "--watch", "--json")
    assert_one_line(small("status", "-d", small.out, "-r", "timedout"), 2, "did you mean timeout?")
    assert_one_line(small("status", "-d", small.out, "--sort", "size"), 2, "--sort")


def _run_batches(cli: CommandLine) -> None:
    """Run the batches of the newest session, one after the other."""
    paths = newest_session(cli.out)
    for batch in load_plan(paths.plan).batches:
        line = [sys.executable, "-P", "-m", "canary_wf", "run-batch", batch.id, "--plan", str(paths.plan)]
        subprocess.run(line, check=True, capture_output=True, timeout=60)


def test_reasons_and_flaky_names_of_a_real_run(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program's last line, a test's exception, and the name of the test that passed in its second run."""
    cli.write("fails.pyt", "if __name__ == '__main__':\n    assert 3 == 2, 'expected 2, got 3'\n")
    again = f"test -e {cli.folder}/seen || {{ touch {cli.folder}/seen; exit 1; }}"
    cli.write(
        "a.jobs.yaml",
        "jobs:\n"
        "  - {name: bad, command: [sh, -c, 'echo the mesh is singular; exit 3']}\n"
        f"  - {{name: shy, command: [sh, -c, '{again}']}}\n"
        "  - {name: good, command: 'true'}\n",
    )
    cli.generate("-b", "retry=failed:1")
    _run_batches(cli)
    monkeypatch.chdir(cli.out)
    told = [re.sub(r" (after|in) [0-9.]+s", "", line) for line in cli("status").out.splitlines()]
    assert told == [
        "FAIL (attempt 2) bad: exit code 3: the mesh is singular",
        "  log: TestResults/bad/canary-out.txt",
        "FAIL (attempt 2) fails: exit code 1: AssertionError: expected 2, got 3",
        "  log: TestResults/fails/canary-out.txt",
        "",
        "2 passed (1 flaky: shy), 2 failed",
        "Again: canary-wf run --failed",
    ]
    assert [line.split()[-1] for line in cli("status", "-r", "flaky").out.splitlines()[1:2]] == ["shy"]


def test_every_list_of_failures_says_why(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last line that a program printed stands beside its exit code, wherever a failure is told."""
    cli.write("a.jobs.yaml", "jobs:\n  - {name: bad, command: [sh, -c, 'echo mesh is singular; exit 3']}\n")
    cli.generate()
    cli.generate()
    _run_batches(cli)
    monkeypatch.chdir(cli.out)
    why = "exit code 3: mesh is singular"
    plan = newest_session(cli.out).plan
    told = {
        "status": cli("status").out,
        "-r": cli("status", "-r", "failed").out,
        "--json": cli("status", "--json").out,
        "gate": cli("gate", "--plan", plan, "--result", "gate.json").err,
        "diff": cli("diff").out,
        "github": cli("report", "markdown", "--github", "-o", "md").out,
        **{kind: cli("report", kind).out for kind in ("junit", "markdown", "json", "summary")},
    }
    assert [name for name, text in told.items() if why not in text] == []
    assert cli("report", "html", "-o", "page.html").code == 0
    assert why in (cli.out / "page.html").read_text()
    assert f'message="{why}"' in told["junit"]


def test_an_earlier_session_is_named(small: CommandLine) -> None:
    """Its status cannot be taken for that of the newest one, and says no command that would act on that."""
    earlier = recorded_session(small, FAILED_RUN)
    small.generate()
    lines = small("status", "-d", small.out, "--session", "-1").out.splitlines()
    assert lines[0] == f"Session {earlier.session}:"
    assert lines[-1] == "1 passed, 2 failed in 2.0s"


def test_what_is_blocked_is_named_with_the_job_at_the_root(cli: CommandLine) -> None:
    """Three names at most, and how to see all of them; without any there is no such line."""
    chain = [spec("bad"), spec("a", "bad"), spec("b", "a"), spec("c", "b"), spec("d", "c"), spec("good")]
    outcomes = dict.fromkeys("abcd", Outcome.BLOCKED) | {"bad": FAILED, "good": OK}
    recorded(cli.folder, plan_of(chain), outcomes)
    lines = cli("status").out.splitlines()
    line = "blocked: a, b, c and 1 more (by bad); canary-wf status -r blocked says why"
    assert lines[lines.index(line) + 1].startswith("1 passed, 1 failed, 4 skipped (4 blocked)")
    assert "blocked:" not in cli("status", "-r", "all").out
