"""The last lines about a session: the sum, where its report is, and what to type next."""

import io
import os
import re
from pathlib import Path

import msgspec
import pytest
from factories import plan_of, spec
from sessions import STARTED, recorded

from canary_wf.files.json_files import write_json
from canary_wf.process.process_identity import ProcessIdentity
from canary_wf.report.batch_runs import BatchRun
from canary_wf.report.closing import at_session, closing_lines, print_closing
from canary_wf.report.session import SessionState, load_session
from canary_wf.snakemake.parent_workflows import FOLDER, ParentWorkflow
from canary_wf.state.session_paths import STATE_FOLDER
from canary_wf.verdict.status import Outcome

PASS, FAIL, SKIP = Outcome.SUCCESS, Outcome.FAILED, Outcome.SKIPPED


def _state(folder: Path, outcomes: dict[str, Outcome], *others: str, running: tuple[str, ...] = ()) -> SessionState:
    groups = [[spec(name) for name in (*outcomes, *running)], *([spec(name)] for name in others)]
    plan = plan_of(*filter(None, groups))
    return load_session(recorded(folder, plan, outcomes, running=running, alive=bool(running)))


def _with_report(state: SessionState) -> SessionState:
    state.paths.report.mkdir()
    (state.paths.report / "report.html").touch()
    return state


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_when_all_passed_one_line_says_so(tmp_path: Path) -> None:
    """There is nothing to type then; the report's place is told."""
    state = _with_report(_state(tmp_path, {"a": PASS, "b": Outcome.XFAIL}))
    report = f"Report: .canary-wf/sessions/{state.plan.session}/report/report.html"
    assert closing_lines(state) == ["All 2 jobs passed in 2.0s", report]


def test_a_single_job_is_not_all_jobs(tmp_path: Path) -> None:
    """One line all the same."""
    assert closing_lines(_state(tmp_path, {"a": PASS})) == ["The job passed in 2.0s"]


def test_failures_are_counted_and_the_command_that_runs_them_again_is_told(tmp_path: Path) -> None:
    """The sum names what is flaky, and how many of the skipped were blocked."""
    outcomes = {"a": PASS, "b": PASS, "c": FAIL, "d": Outcome.CANCELLED, "e": SKIP, "f": Outcome.BLOCKED}
    state = _state(tmp_path, outcomes)
    first = state.plan.jobs[0]
    state.records[first.id] = msgspec.structs.replace(state.record(first), earlier=("a run",))
    assert closing_lines(state) == [
        "2 passed (1 flaky: a), 1 failed, 1 cancelled, 2 skipped (1 blocked) in 2.0s",
        "Again: canary-wf run --failed",
    ]


def test_flaky_jobs_are_named_when_all_passed(tmp_path: Path) -> None:
    """Three at most."""
    state = _state(tmp_path, dict.fromkeys("abcd", PASS))
    for job in state.plan.jobs:
        state.records[job.id] = msgspec.structs.replace(state.record(job), earlier=("a run",))
    assert closing_lines(state) == ["All 4 jobs passed (4 flaky: a, b, c and 1 more) in 2.0s"]


def test_a_long_name_does_not_fill_the_sum(tmp_path: Path) -> None:
    """Its beginning and its end are enough to know it."""
    state = _state(tmp_path, {"b" + "a" * 200 + "e": PASS})
    job = state.plan.jobs[0]
    state.records[job.id] = msgspec.structs.replace(state.record(job), earlier=("a run",))
    assert len(closing_lines(state)[0]) < 80
    assert re.search(r"\(1 flaky: ba+…a+e\)", closing_lines(state)[0])


@pytest.mark.parametrize(
    ("reason", "how"), [("signal", "Paused"), ("max_fail", "Stopped early"), ("disk_full", "Incomplete"), (None, "")]
)
def test_a_run_that_was_cut_short_goes_on(tmp_path: Path, reason: str | None, how: str) -> None:
    """What the machine ended and what never ran goes on with the next run, so failures are not run again yet."""
    state = _state(tmp_path, {"a": PASS, "b": FAIL, "c": Outcome.INTERRUPTED}, "d", "e")
    runs = {state.plan.batches[0].id: (BatchRun("h", 0.0, 2.0, reason),)}
    assert closing_lines(msgspec.structs.replace(state, runs=runs)) == [
        f"{how or 'Incomplete'}: 1 passed, 1 failed, 1 interrupted, 2 not run in 2.0s",
        "Go on: canary-wf run",
    ]


def test_lost_verdicts_are_reset_by_the_next_command(tmp_path: Path) -> None:
    """A run that goes on would not touch a batch whose result is there."""
    state = _state(tmp_path, {"a": PASS, "b": Outcome.INTERRUPTED})
    assert not state.damaged
    lost = msgspec.structs.replace(state, damaged={"x": "journal.jsonl is lost"})
    assert closing_lines(lost) == ["1 passed, 1 interrupted in 2.0s", "Again: canary-wf run --failed"]


def test_a_session_that_never_ran_says_how_it_is_run(tmp_path: Path) -> None:
    """It is not paused."""
    assert closing_lines(_state(tmp_path, {}, "a", "b")) == ["2 jobs, not run yet", "Next: canary-wf run"]


def test_a_live_run_has_no_result_yet(tmp_path: Path) -> None:
    """What runs and what waits are told apart; an older report is not shown."""
    state = _with_report(_state(tmp_path, {"a": PASS}, "c", "d", running=("b",)))
    assert closing_lines(state, STARTED + 65) == [
        "Running: 1 passed, 1 running, 2 waiting after 1m05s",
        "Watch: canary-wf status --watch",
    ]


def test_pauses_between_runs_do_not_count(tmp_path: Path) -> None:
    """The time is that in which a batch ran, and batches that ran at once count once."""
    state = _state(tmp_path, {"a": PASS})
    runs = [BatchRun("h", start, end, "complete") for start, end in ((0.0, 10.0), (5.0, 20.0), (1000.0, 1010.0))]
    told = msgspec.structs.replace(state, runs={"x": tuple(runs[:1]), "y": tuple(runs[1:])})
    assert closing_lines(told) == ["The job passed in 30s"]


def test_an_old_report_is_not_shown_as_that_of_a_new_run(tmp_path: Path) -> None:
    """A run that was interrupted wrote none."""
    state = _with_report(_state(tmp_path, {"a": PASS}))
    os.utime(state.paths.report / "report.html", (STARTED - 1, STARTED - 1))
    assert closing_lines(state) == ["The job passed in 2.0s"]


def test_what_was_left_out_is_part_of_the_sum(tmp_path: Path) -> None:
    """Or it would be forgotten."""
    state = _state(tmp_path, {"a": PASS})
    plan = msgspec.structs.replace(state.plan, left_out=({},))
    assert closing_lines(msgspec.structs.replace(state, plan=plan))[0] == "The job passed in 2.0s; 1 left out"


def test_a_workspace_elsewhere_is_named(tmp_path: Path) -> None:
    """The command can be typed where one is."""
    state = _state(tmp_path / "build it", {"a": FAIL})
    assert closing_lines(state)[-1] == "Again: canary-wf run --failed -d 'build it'"


@pytest.mark.parametrize(("outcome", "colour"), [(PASS, "32"), (FAIL, "31"), (Outcome.SKIPPED, "32")])
def test_the_sum_has_the_colour_of_the_verdict(
    tmp_path: Path, outcome: Outcome, colour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where colours are wanted."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    state = _state(tmp_path, {"a": outcome})
    coloured, plain = io.StringIO(), io.StringIO()
    print_closing(state, coloured)
    assert coloured.getvalue().startswith(f"\x1b[{colour}m{closing_lines(state)[0]}\x1b[0m\n")
    monkeypatch.setenv("NO_COLOR", "1")
    print_closing(state, plain)
    assert plain.getvalue().splitlines() == closing_lines(state)


def test_a_command_for_more_finds_the_session(tmp_path: Path) -> None:
    """By the workspace, and by the session's name where it is not the newest."""
    state = _state(tmp_path / "build", {"a": FAIL})
    assert at_session(state) == " -d build"
    (state.paths.folder.parent / "99991231T000000").mkdir()
    assert at_session(state) == f" -d build --session {state.paths.session}"


def test_an_earlier_session_has_no_next_command(tmp_path: Path) -> None:
    """Commands act on the newest one."""
    state = _state(tmp_path, {"a": FAIL})
    (state.paths.folder.parent / "99991231T000000").mkdir()
    assert closing_lines(state) == ["1 failed in 2.0s"]


def test_the_suite_of_a_larger_workflow_is_run_by_that(tmp_path: Path) -> None:
    """Its folder is told, because `canary-wf run` would leave the rest of it out."""
    state = _state(tmp_path, {"a": FAIL})
    own = ProcessIdentity.own()
    note = ParentWorkflow(own.host_id, own.pid, own.started_ticks, folder=str(tmp_path / "larger"))
    folder = tmp_path / STATE_FOLDER / FOLDER
    folder.mkdir()
    write_json(folder / "note.json", note)
    assert closing_lines(state)[-1] == "Again: canary-wf rerun --failed, then snakemake in larger"
    os.utime(folder / "note.json", (1.0, 1.0))
    old = msgspec.structs.replace(state, plan=msgspec.structs.replace(state.plan, created=2.0))
    assert closing_lines(old)[-1] == "Again: canary-wf run --failed"


def test_a_batch_whose_journal_lost_its_beginning_has_no_reason(tmp_path: Path) -> None:
    """A damaged journal may have verdicts and no run; the last lines are written all the same."""
    state = _state(tmp_path, {"a": PASS, "b": Outcome.INTERRUPTED})
    damaged = msgspec.structs.replace(state, runs=dict.fromkeys(state.runs, ()))
    assert closing_lines(damaged)[0].startswith("Incomplete: 1 passed, 1 interrupted")
