"""The status table: what is chosen, and how it looks on a terminal and in a pipe."""

import io
from pathlib import Path

import pytest
from factories import plan_of, spec
from sessions import recorded

from canary_wf.errors import UsageError
from canary_wf.job.status import Outcome
from canary_wf.report.session import SessionState, load_session
from canary_wf.report.table import print_status, select, summary


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
        ("blocked", ""),
    ],
)
def test_jobs_are_chosen_by_category_outcome_or_phase(state: SessionState, wanted: str, names: str) -> None:
    """In any case; `failed` is what counts as failed."""
    assert [job.name for job in select(state, wanted)] == names.split()


@pytest.mark.parametrize("wanted", ["bogus", "", "fail,pass"])
def test_a_word_that_names_nothing_is_refused(state: SessionState, wanted: str) -> None:
    """A slip of the pen does not show an empty table."""
    with pytest.raises(UsageError, match=r"-r: .* is not known; write all, failed or one of .*TIMEOUT"):
        select(state, wanted)


def test_the_plain_table_has_one_line_a_job_in_columns(state: SessionState) -> None:
    """Whatever is in a reason, it stays on its line, and no colour goes into a pipe."""
    file = io.StringIO()
    print_status(state, select(state, "failed"), file)
    lines = file.getvalue().splitlines()
    assert lines[0].split() == ["id", "name", "status", "time", "reason"]
    assert [line.split()[1:4] for line in lines[1:4]] == [
        ["bad", "FAIL", "FAILED"],
        ["slow", "FAIL", "TIMEOUT"],
        ["cut", "CANCEL", "CANCELLED"],
    ]
    assert lines[1].endswith(r"why\nnot")
    assert len({line.index(word) for line, word in zip(lines, ("status", "FAIL", "FAIL", "CANCEL"), strict=False)}) == 1
    assert lines[4] == summary(state)
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


def test_a_terminal_gets_a_table_with_the_same_words(state: SessionState) -> None:
    """Rich draws it to the file it was given."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    file = Terminal()
    print_status(state, select(state, "all"), file)
    for word in ("name", "good", "TIMEOUT", "RUNNING", "PENDING", summary(state)[:20]):
        assert word in file.getvalue()


def test_standard_output_is_looked_up_when_it_is_written_to(
    state: SessionState, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever redirects it gets the table."""
    print_status(state, [])
    assert capsys.readouterr().out == summary(state) + "\n"
