"""The status table: what is chosen, and how it looks on a terminal and in a pipe."""

import io
import os
import re
import shutil
import tempfile
from pathlib import Path

import msgspec
import pytest
from factories import plan_of, spec
from sessions import recorded

from canary_wf.errors import UsageError
from canary_wf.report.selection import select
from canary_wf.report.session import SessionState, load_session
from canary_wf.report.table import LONGEST_LINE, MOST_FAILURES, print_failures, print_status, summary
from canary_wf.spec.identity import job_id
from canary_wf.state.job_file import OUTPUT_FILE
from canary_wf.verdict.failure_class import OOM_KILL
from canary_wf.verdict.status import Outcome


@pytest.fixture
def state(tmp_path: Path) -> SessionState:
    """Return a session with one job of several kinds."""
    outcomes = {
        "good": Outcome.SUCCESS,
        "xfail": Outcome.XFAIL,
        "bad": Outcome.FAILED,
        "slow": Outcome.TIMEOUT,
        "cut": Outcome.CANCELLED,
        "skip": Outcome.SKIPPED,
    }
    plan = plan_of([spec(name) for name in outcomes], [spec("now")], [spec("never")])
    return load_session(recorded(tmp_path, plan, outcomes, running=["now"], alive=True, reason="why\nnot"))


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ("all", "good xfail bad slow cut skip now never"),
        ("ALL", "good xfail bad slow cut skip now never"),
        ("failed", "bad slow cut"),
        ("FAIL", "bad slow"),
        ("timeout", "slow"),
        ("pass", "good xfail"),
        ("Success", "good"),
        ("cancel", "cut"),
        ("SKIP", "skip"),
        ("running", "now"),
        ("pending", "never"),
        ("none", "now never"),
        ("done", "good xfail bad slow cut skip"),
        ("passed", "good xfail"),
        ("oom", ""),
        ("killed", ""),
        ("timeout,running", "slow now"),
        ("fail, pass", "good xfail bad slow"),
        ("blocked", ""),
    ],
)
def test_jobs_are_chosen_by_category_outcome_or_phase(state: SessionState, wanted: str, names: str) -> None:
    """In any case; `failed` is what counts as failed."""
    assert [job.name for job in select(state, wanted)] == names.split()


@pytest.mark.parametrize("wanted", ["bogus", "", "fail,pas"])
def test_a_word_that_names_nothing_is_refused(state: SessionState, wanted: str) -> None:
    """A slip of the pen does not show an empty table."""
    with pytest.raises(UsageError, match=r"-r: .* is not known; write all, failed, passed or one of .*TIMEOUT"):
        select(state, wanted)


def test_the_plain_table_has_one_line_a_job_in_columns(state: SessionState) -> None:
    """Whatever is in a reason, it stays on its line, and no colour goes into a pipe."""
    file = io.StringIO()
    print_status(state, select(state, "failed"), file)
    first, *lines = file.getvalue().splitlines()
    assert first == summary(state)
    assert lines[0].split() == ["id", "name", "status", "time", "reason"]
    assert [line.split()[1:4] for line in lines[1:4]] == [
        ["bad", "FAIL", "FAILED"],
        ["slow", "FAIL", "TIMEOUT"],
        ["cut", "CANCEL", "CANCELLED"],
    ]
    assert lines[1].endswith(r"why\nnot")
    assert len({line.index(word) for line, word in zip(lines, ("status", "FAIL", "FAIL", "CANCEL"), strict=False)}) == 1
    assert "\x1b" not in file.getvalue()


def test_without_a_job_only_the_summary_is_printed(state: SessionState) -> None:
    """An empty table has no head."""
    file = io.StringIO()
    print_status(state, [], file)
    assert file.getvalue() == summary(state) + "\n"


def test_the_summary_counts_each_kind(state: SessionState) -> None:
    """Kinds without a job are not named."""
    told = "8 jobs: 2 passed, 2 failed, 1 cancelled, 1 skipped, 2 not run, 1 of them running"
    assert summary(state) == f"{told} (session {state.plan.session})"


class Terminal(io.StringIO):
    """A file that says it is one."""

    def isatty(self) -> bool:
        """Return that it is."""
        return True


def test_a_terminal_gets_the_same_words(state: SessionState, monkeypatch: pytest.MonkeyPatch) -> None:
    """With colours, unless the user wants none; the columns still line up."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    terminal, pipe, plain = Terminal(), io.StringIO(), Terminal()
    print_status(state, select(state, "all"), terminal)
    print_status(state, select(state, "all"), pipe)
    assert "\x1b[31mFAIL FAILED" in terminal.getvalue()
    assert re.sub("\x1b\\[[0-9;]*m", "", terminal.getvalue()) == pipe.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    print_status(state, select(state, "all"), plain)
    assert plain.getvalue() == pipe.getvalue()


def test_failures_come_with_reason_last_lines_and_the_place_of_the_rest(
    state: SessionState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else has to be typed to see why; the path is short from the folder that one is in."""
    monkeypatch.chdir(state.paths.out)
    file = io.StringIO()
    print_failures(state, file, lines=1)
    assert file.getvalue() == (
        f"{summary(state)}\n"
        + "".join(
            f"\n{word} {name} after 2.0s ({job_id('t.jobs.yaml', name, {})[:8]}, t.jobs.yaml)\n"
            "  why\\nnot\n"
            "  | output\n"
            f"  log: .canary-wf/sessions/{state.plan.session}/jobs/{name}/canary-out.txt\n"
            for word, name in (("FAIL FAILED", "bad"), ("FAIL TIMEOUT", "slow"), ("CANCEL CANCELLED", "cut"))
        )
    )


def test_hostile_output_cannot_steer_the_terminal(tmp_path: Path) -> None:
    """Escapes, carriage returns, bells and marks that turn text around are shown, colours taken out."""
    hostile = "\x1b]0;title\x07\x1b[31mred\x1b[0m\rover\x00\u202egnp\udcff\n"
    paths = recorded(tmp_path, plan_of([spec("a")]), {"a": Outcome.FAILED}, reason="\x1b[2Jgone", output=hostile)
    file = io.StringIO()
    print_failures(load_session(paths), file)
    assert "  \\x1b[2Jgone\n" in file.getvalue()
    assert "  | over\\x00\\u202egnp\ufffd\n" in file.getvalue()
    assert "  | \\x1b]0;title\\x07red\n" in file.getvalue()


def test_a_line_without_end_is_cut(tmp_path: Path) -> None:
    """What shows where the failure is must not fill the terminal; the log, which is named, has it all."""
    output = "\0" * 100_000 + "\nshort\n"
    paths = recorded(tmp_path, plan_of([spec("a")]), {"a": Outcome.FAILED}, output=output)
    file = io.StringIO()
    print_failures(load_session(paths), file)
    shown = [line for line in file.getvalue().splitlines() if line.startswith("  | ")]
    assert [len(line) for line in shown] == [4 + LONGEST_LINE + 2, 9]
    assert shown[0].endswith("\\x00 …")


def test_many_failures_are_counted_rather_than_shown(tmp_path: Path) -> None:
    """The summary stays in sight."""
    names = [f"j{number}" for number in range(MOST_FAILURES + 2)]
    paths = recorded(tmp_path, plan_of([spec(name) for name in names]), dict.fromkeys(names, Outcome.FAILED))
    file = io.StringIO()
    print_failures(load_session(paths), file)
    assert file.getvalue().count("FAIL FAILED") == MOST_FAILURES
    assert file.getvalue().endswith("\nand 2 more failures, which canary-wf status -r failed lists\n")


def test_standard_output_is_looked_up_when_it_is_written_to(
    state: SessionState, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever redirects it gets the table."""
    print_status(state, [])
    assert capsys.readouterr().out == summary(state) + "\n"


def test_a_class_of_failure_names_its_jobs(tmp_path: Path) -> None:
    """A job that the kernel killed for want of memory is FAILED as well, and found by both words."""
    state = load_session(
        recorded(tmp_path, plan_of([spec("a"), spec("b")]), {"a": Outcome.FAILED, "b": Outcome.FAILED})
    )
    first = state.plan.jobs[0]
    killed = msgspec.structs.replace(state.record(first), measurements={OOM_KILL: 1})
    state.records[first.id] = killed
    assert [job.name for job in select(state, "oom")] == ["a"]
    assert [job.name for job in select(state, "failed")] == ["a", "b"]


def test_an_output_that_cannot_be_read_is_told_and_the_other_failures_are_shown(tmp_path: Path) -> None:
    """A job may have made anything of its folder."""
    names = ("folder", "pipe", "gone", "last")
    paths = recorded(tmp_path, plan_of([spec(name) for name in names]), dict.fromkeys(names, Outcome.FAILED))
    for name in names[:-1]:
        (paths.job(name) / OUTPUT_FILE).unlink()
    shutil.rmtree(paths.job("folder"))
    paths.job("folder").write_text("")
    os.mkfifo(paths.job("pipe") / OUTPUT_FILE)
    file = io.StringIO()
    print_failures(load_session(paths), file)
    text = file.getvalue()
    assert f"folder/{OUTPUT_FILE} cannot be read (Not a directory)" in text
    assert f"pipe/{OUTPUT_FILE} cannot be read (it is not a regular file)" in text
    assert f"gone/{OUTPUT_FILE}" not in text
    assert text.endswith(f"last/{OUTPUT_FILE}\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_a_folder_without_permission_does_not_stop_the_status() -> None:
    """It is told as such, and what comes after it is shown."""
    with tempfile.TemporaryDirectory() as name:  # pytest's own are closed to others
        folder = Path(name)
        folder.chmod(0o755)
        paths = recorded(folder, plan_of([spec("shut"), spec("last")]), dict.fromkeys(("shut", "last"), Outcome.FAILED))
        paths.job("shut").chmod(0)
        file = io.StringIO()
        os.seteuid(65534)
        try:
            print_failures(load_session(paths), file)
        finally:
            os.seteuid(0)
    assert f"shut/{OUTPUT_FILE} cannot be read (Permission denied)" in file.getvalue()
    assert file.getvalue().endswith(f"last/{OUTPUT_FILE}\n")
