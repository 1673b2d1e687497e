"""`--session`: another session than the newest, on every command that reads."""

import json

import pytest
from command_line import CommandLine, assert_one_line
from factories import plan_of, spec
from sessions import recorded

from canary_wf.history.run_times import History
from canary_wf.plan.store import find_session
from canary_wf.verdict.status import Outcome

FIRST, SECOND, NEWEST = "20260101T000000.000000", "20260102T000000.000000", "20260203T000000.000000"


@pytest.fixture
def three(cli: CommandLine) -> CommandLine:
    """Return a workspace whose job failed in the first session, and passed in the second; the newest did not run."""
    recorded(cli.folder, plan_of([spec("a")], session=FIRST), {"a": Outcome.FAILED}, output="first\n")
    recorded(cli.folder, plan_of([spec("a"), spec("b")], session=SECOND), {"a": Outcome.SUCCESS}, output="second\n")
    recorded(cli.folder, plan_of([spec("c")], session=NEWEST), {})
    return cli


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (None, NEWEST),
        ("latest", NEWEST),
        ("0", NEWEST),
        ("-1", SECOND),
        ("-2", FIRST),
        (FIRST, FIRST),
        ("20260102", SECOND),
        ("202602", NEWEST),
    ],
)
def test_a_session_is_named_in_short(three: CommandLine, text: str | None, name: str) -> None:
    """By the start of its name, or by how many were made since."""
    assert find_session(three.folder, text).session == name


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("-3", ["-3 goes back too far", "there are 3 sessions"]),
        ("202601", ["names 2 sessions", SECOND, "canary-wf sessions"]),
        ("1999", ["there is no session '1999'", NEWEST]),
        ("", ["there is no session ''"]),
    ],
)
def test_what_means_no_session_is_refused(three: CommandLine, text: str, words: list[str]) -> None:
    """In one line that says which ones there are."""
    assert_one_line(three("status", "--session", text), 2, "--session", *words)


def test_commands_that_read_show_that_session(three: CommandLine) -> None:
    """Its jobs, its files, its verdicts, its exit code."""
    assert three("log", "a", "--session", "-1").out == "second\n"
    assert three("log", "a", "--session", "-2").out == "first\n"
    assert f"/{FIRST}/" in three("location", "a", "--session", FIRST).out
    status = three("status", "--session", "-2", "--json")
    assert (status.code, status.json["session"], status.json["counts"]["FAIL"]) == (1, FIRST, 1)
    report = three("report", "json", "--session=-2")
    assert (report.code, json.loads(report.out)["session"]) == (0, FIRST)
    assert_one_line(three("log", "a"), 2, "there is no job 'a'")


def test_an_older_session_is_over_although_the_newest_runs(three: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A live Snakemake runs the newest one only."""
    monkeypatch.setattr("canary_wf.report.session.is_being_run", lambda _: True)
    assert three("status").code == 0
    assert three("status", "--session", "-1").code == 1  # b never ran


def test_diff_takes_the_same_words(three: CommandLine) -> None:
    """One session is compared with the newest."""
    assert three("diff", "-2", "-1", "--json").json["before"] == FIRST
    one = three("diff", "-2", "--json").json
    assert (one["before"], one["after"]) == (FIRST, NEWEST)
    assert_one_line(three("diff", "--jsn"), 2, "--jsn")
    assert_one_line(three("diff", "1", "2", "3"), 2, "SESSION", "3 given")


def test_the_plan_of_a_session_is_shown_and_explained(small: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it was made, from any folder below, also after the tests have changed."""
    assert small.generate("-b", "spec=count:2").code == 0
    planned = small("plan", small.tree, "-d", small.out, *small.PLANNED, "-b", "spec=count:2", "--json").json
    (small.tree / "small.jobs.yaml").write_text("jobs: [{name: other, command: 'true'}]")
    assert small.generate().code == 0
    recorded_plan = small("plan", "--session", "-1", "-d", small.out, "--json").json
    assert recorded_plan["batches"] == planned["batches"]
    monkeypatch.chdir(small.out / "workflow")
    assert "waits    for one (on_success" in small("plan", "--session", "-1", "--explain", "two.n=1").out
    assert_one_line(small("plan", "--session", "-1", "--explain", "other"), 2, "there is no job 'other'")
    assert_one_line(small("plan", "--session", "-1", "-k", "one"), 2, "-k", "does not go with --session")
    assert_one_line(small("plan", small.tree, "--session", "-1"), 2, "PATH", "does not go with --session")


def test_a_plan_is_explained_by_what_was_known_then() -> None:
    """Later run times did not shape it."""
    history = History(runtimes={"a": [("pytest-split", 1.0), (FIRST, 2.0), (NEWEST, 9.0)], "b": [(NEWEST, 1.0)]})
    assert history.before(SECOND).runtimes == {"a": [("pytest-split", 1.0), (FIRST, 2.0)]}


def test_sessions_and_their_jobs_are_completed(three: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind --session the names of sessions, and behind that the names of its jobs; in a folder below, too."""
    (three.folder / "below").mkdir()
    monkeypatch.chdir("below")
    monkeypatch.setenv("_CANARY_WF_COMPLETE", "bash_complete")

    def offered(line: str) -> list[str]:
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        return [each.partition(",")[2] for each in three().out.splitlines() if each]

    assert offered("canary-wf status --session 202601") == [SECOND, FIRST]
    assert offered("canary-wf log --session -1 ") == ["a", "b"]
    assert offered("canary-wf show ") == ["c"]
