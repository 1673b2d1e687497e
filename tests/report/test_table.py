"""The table of jobs: how it looks on terminals of several widths, and in a pipe."""

import io
import re
from pathlib import Path

import pytest
from factories import plan_of, spec
from sessions import STARTED, one_of_each, recorded

from canary_wf.report.columns import width_of
from canary_wf.report.selection import select
from canary_wf.report.session import SessionState, load_session
from canary_wf.report.table import print_jobs, summary
from canary_wf.verdict.status import Outcome


@pytest.fixture
def state(tmp_path: Path) -> SessionState:
    """Return a session with one job of each kind."""
    return one_of_each(tmp_path)


class Terminal(io.StringIO):
    """A file that says it is one."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        """Return that it is."""
        return True


def test_the_plain_table_has_one_line_a_job_in_columns(state: SessionState) -> None:
    """Whatever is in a reason, it stays on its line, and no colour goes into a pipe."""
    file = io.StringIO()
    print_jobs(state, select(state, "failed"), file)
    lines = file.getvalue().splitlines()
    assert lines[0].split() == ["status", "time", "id", "name", "reason"]
    assert [line[:14].strip() for line in lines[1:]] == ["FAIL", "FAIL TIMEOUT", "CANCEL"]
    assert [line.split()[-2:] for line in lines[1:]] == [[name, r"why\nnot"] for name in ("bad", "slow", "cut")]
    assert len({line.index(word) for line, word in zip(lines, ("name", "bad", "slow", "cut"), strict=True)}) == 1
    assert "\x1b" not in file.getvalue()


def test_without_a_job_there_is_no_heading(state: SessionState) -> None:
    """An empty table is empty."""
    file = io.StringIO()
    print_jobs(state, [], file)
    assert file.getvalue() == ""


def test_a_running_job_has_run_until_now(state: SessionState) -> None:
    """Its time grows; a job that never ran has none."""
    file = io.StringIO()
    print_jobs(state, select(state, "none"), file, STARTED + 65)
    assert [line.split()[:2] for line in file.getvalue().splitlines()[1:]] == [
        ["RUNNING", "1m05s"],
        ["PENDING", state.plan.jobs[-1].id[:8]],
    ]


def test_a_terminal_gets_the_same_words(state: SessionState, monkeypatch: pytest.MonkeyPatch) -> None:
    """With colours, unless the user wants none; the columns still line up."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    terminal, pipe, plain = Terminal(), io.StringIO(), Terminal()
    print_jobs(state, select(state, "all"), terminal, STARTED)
    print_jobs(state, select(state, "all"), pipe, STARTED)
    assert "\x1b[31mFAIL " in terminal.getvalue()
    assert re.sub("\x1b\\[[0-9;]*m", "", terminal.getvalue()) == pipe.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    print_jobs(state, select(state, "all"), plain, STARTED)
    assert plain.getvalue() == pipe.getvalue()


def test_long_names_leave_room_for_state_time_and_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At 80 columns each row is one line that shows why; in a pipe nothing is cut."""
    names = ["n" * 200 + "1", "漢字" * 30, "short"]
    reason = "exit code 1: AssertionError: expected 2, got 3"
    plan = plan_of([spec(name) for name in names])
    state = load_session(recorded(tmp_path, plan, dict.fromkeys(names, Outcome.FAILED), reason=reason))
    monkeypatch.setenv("COLUMNS", "80")
    terminal, pipe = Terminal(), io.StringIO()
    print_jobs(state, state.plan.jobs, terminal)
    heading, *rows = re.sub("\x1b\\[[0-9;]*m", "", terminal.getvalue()).splitlines()
    assert heading.split() == ["status", "time", "name", "reason"]
    assert max(map(width_of, rows)) <= 80
    assert all(row.startswith("FAIL    2.0s  ") and "exit code 1: Asser" in row for row in rows)
    assert "n…n" in rows[0]
    assert rows[0].rpartition("n1")[1] == "n1"
    print_jobs(state, state.plan.jobs, pipe)
    assert all(name in pipe.getvalue() for name in names)
    assert pipe.getvalue().splitlines()[3].index(reason) < 100


def test_ids_are_shown_where_names_are_not_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two jobs of one name can be told apart on a narrow terminal, too."""
    plan = plan_of([spec("a", path="x.pyt", file="x.pyt"), spec("a", path="y.pyt", file="y.pyt")])
    state = load_session(recorded(tmp_path, plan, {}))
    monkeypatch.setenv("COLUMNS", "80")
    terminal = Terminal()
    print_jobs(state, state.plan.jobs, terminal)
    assert [job.id[:8] in terminal.getvalue() for job in state.plan.jobs] == [True, True]


def test_the_summary_counts_each_kind(state: SessionState) -> None:
    """Kinds without a job are not named."""
    told = "8 jobs: 2 passed, 2 failed, 1 cancelled, 1 skipped, 1 running, 1 waiting"
    assert summary(state) == f"{told} (session {state.plan.session})"
