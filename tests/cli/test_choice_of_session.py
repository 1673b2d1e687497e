"""`--session`: another session than the newest, on every command that reads."""

import json

import pytest
from command_line import CommandLine, assert_one_line
from factories import plan_of, spec
from sessions import recorded

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
