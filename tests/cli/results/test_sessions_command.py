"""`canary-wf sessions`: what is listed of each session, and that nothing hides the list."""

import os

import pytest
from command_line import CommandLine, assert_one_line
from factories import plan_of, spec
from sessions import end_job, recorded, retry_job

from canary_wf.plan.model import Origin
from canary_wf.state.session_paths import SessionPaths
from canary_wf.verdict.status import Outcome

FIRST, SECOND, NEWEST = "20260101T000000.000000", "20260101T000000.500000", "20260203T000000.000000"


@pytest.fixture
def three(cli: CommandLine) -> CommandLine:
    """Return a workspace with three sessions, of which the first one failed and the newest did not run."""
    origin = Origin(project="heat", command=("canary-wf", "run", "my tests", "-k", "fast"), commit="a" * 40)
    recorded(cli.folder, plan_of([spec("a")], session=FIRST, origin=origin), {"a": Outcome.FAILED})
    recorded(cli.folder, plan_of([spec("a"), spec("b")], session=SECOND), {"a": Outcome.SUCCESS, "b": Outcome.SKIPPED})
    recorded(cli.folder, plan_of([spec("c")], session=NEWEST), {})
    return cli


def test_a_line_for_each_session(three: CommandLine) -> None:
    """With the number and the shortest name that other commands understand; the newest is last."""
    heading, *lines = three("sessions").out.splitlines()
    assert heading.split() == ["#", "session", "made", "took", "result", "command"]
    assert [line.split()[:2] for line in lines] == [["-2", FIRST], ["-1", SECOND], ["0", NEWEST[:15]]]
    assert "2.0s" in lines[0]
    assert "1 failed" in lines[0]
    assert lines[0].endswith("run 'my tests' -k fast")
    assert "1 passed, 1 skipped" in lines[1]
    assert lines[2].split()[-3:] == ["1", "not", "run"]


def test_the_json_of_sessions(three: CommandLine) -> None:
    """All that the table has, and where the plan comes from."""
    found = three("sessions", "--json").json["sessions"]
    assert [each["index"] for each in found] == [-2, -1, 0]
    assert found[0]["counts"] == {"PASS": 0, "FAIL": 1, "CANCEL": 0, "SKIP": 0, "NONE": 0}
    assert (found[0]["project"], found[0]["commit"], found[0]["seconds"]) == ("heat", "a" * 40, 2.0)
    assert found[0]["command"] == ["canary-wf", "run", "my tests", "-k", "fast"]
    assert found[2]["seconds"] is None


def test_what_a_report_tells_is_what_the_journals_tell(cli: CommandLine) -> None:
    """An earlier session is listed from the report of its run; a damaged report costs nothing."""
    ended = {"a": Outcome.SUCCESS, "b": Outcome.FAILED, "c": Outcome.BLOCKED, "d": Outcome.CANCELLED}
    first = recorded(cli.folder, plan_of([spec(name) for name in "abcd"], session=FIRST), ended)
    second = recorded(cli.folder, plan_of([spec("f")], session=SECOND), {}, running=["f"])
    retry_job(second, "f")
    end_job(second, "f")
    recorded(cli.folder, plan_of([spec("c")], session=NEWEST), {})
    before = cli("sessions").out, cli("sessions", "--json").json["sessions"]
    assert "1 passed, 1 failed, 1 cancelled, 1 skipped (1 blocked)" in before[0]
    assert "1 passed (1 flaky)" in before[0]
    for paths in (first, second):
        paths.report.mkdir()
        assert cli("report", "json", "--session", paths.session, "-o", paths.report / "report.json").code == 0
        journal = paths.batch(paths.batches()[0]).journal
        journal.rename(journal.with_suffix(".aside"))
    after = cli("sessions").out, cli("sessions", "--json").json["sessions"]
    assert after[0] == before[0]
    assert [each | {"size": 0} for each in after[1]] == [each | {"size": 0} for each in before[1]]
    journal.with_suffix(".aside").rename(journal)
    for damaged in ("{", '{"seconds": -1, "jobs": []}', '{"seconds": 1, "jobs": [{"outcome": "?"}]}'):
        (second.report / "report.json").write_text(damaged)
        assert cli("sessions").out == before[0]


def test_only_the_newest_sessions(three: CommandLine) -> None:
    """And how many there are besides."""
    lines = three("sessions", "-n", "1").out.splitlines()
    assert len(lines) == 3
    assert lines[-1] == "and 2 older sessions; canary-wf sessions -n 0 lists all"
    assert len(three("sessions", "-n", "0").out.splitlines()) == 4


def test_a_damaged_session_hides_no_other(three: CommandLine) -> None:
    """Its line says what is wrong with it."""
    SessionPaths(three.folder, SECOND).plan.write_text("{")
    lines = three("sessions").out.splitlines()
    assert "is damaged" in lines[2]
    assert "1 failed" in lines[1]
    assert three("sessions", "--json").json["sessions"][1]["counts"] is None


def test_a_file_with_two_names_takes_its_room_once(three: CommandLine) -> None:
    """Artifacts are links to what a job wrote."""

    def used() -> int:
        found: int = three("sessions", "--json").json["sessions"][0]["size"]
        return found

    folder = SessionPaths(three.folder, FIRST).job("a")
    (folder / "large").write_bytes(b"x" * 1_000_000)
    before = used()
    os.link(folder / "large", folder / "again")
    assert used() - before < 10_000
    assert before > 1_000_000


def test_without_a_session_there_is_no_list(cli: CommandLine) -> None:
    """As for all commands that need one."""
    assert_one_line(cli("sessions"), 4, "there is no session")


def test_a_session_that_runs_or_was_cut_short_says_so(cli: CommandLine) -> None:
    """The others are over."""
    cut = {"a": Outcome.SUCCESS, "b": Outcome.INTERRUPTED, "c": Outcome.CANCELLED}
    recorded(cli.folder, plan_of([spec("a"), spec("b"), spec("c")], session=FIRST), cut)
    recorded(cli.folder, plan_of([spec("a"), spec("b")], session=NEWEST), {}, running=["a"], alive=True)
    _, first, newest = cli("sessions").out.splitlines()
    assert first.endswith("1 passed, 1 cancelled, 1 interrupted")
    assert newest.endswith("running: 1 running, 1 waiting")
    assert [each["running"] for each in cli("sessions", "--json").json["sessions"]] == [False, True]
