"""A session as reports see it: what runs, what was lost, what never began, and whether it passed."""

from pathlib import Path

import pytest
from factories import plan_of, spec
from sessions import end_job, end_runners, recorded

from canary_wf.errors import WorkspaceError
from canary_wf.plan.store import write_session
from canary_wf.report.session import SessionFollower, SessionState, load_session, tail
from canary_wf.state.journal import BatchState, read_journal
from canary_wf.state.session_paths import SessionPaths
from canary_wf.verdict.status import JobPhase, Outcome

OK, FAILED = Outcome.SUCCESS, Outcome.FAILED


def _state(out: Path, outcomes: dict[str, Outcome], running: str = "", *, alive: bool = False) -> SessionState:
    plan = plan_of([spec("a"), spec("b")], [spec("c", "a")])
    return load_session(recorded(out, plan, outcomes, running=running, alive=alive))


def test_a_session_that_never_began_is_pending_and_has_not_passed(tmp_path: Path) -> None:
    """Nothing has failed, but a script that asks whether all is well must not take it for a success."""
    state = _state(tmp_path, {})
    assert (state.begun, state.live, state.passed, state.failed) == (False, False, False, [])
    assert state.counts() == {"PASS": 0, "FAIL": 0, "CANCEL": 0, "SKIP": 0, "NONE": 3}
    fields = state.fields(state.plan.jobs[0])
    assert (fields["phase"], fields["category"], fields["outcome"]) == ("PENDING", "NONE", "NONE")
    unknown = {key: value for key, value in fields.items() if value is None}
    assert set(unknown) == {
        *("class", "reason", "code", "started", "finished", "duration", "cpu_ids", "gpu_ids"),
        *("slurm_job_id", "directory", "log"),
    }


def test_the_fields_are_those_of_the_contract(tmp_path: Path) -> None:
    """Every job has all of them, known or not."""
    state = _state(tmp_path, {"a": OK})
    names = "id name phase category outcome class attempts reason code batch started finished duration"
    names += " cpu_ids gpu_ids slurm_job_id"
    for job in state.as_dict()["jobs"]:
        assert list(job)[:2] == ["id", "name"]
        assert set(job) == {*names.split(), "directory", "log"}
    done = state.fields(state.plan.jobs[0])
    assert (done["started"], done["finished"], done["duration"], done["cpu_ids"]) == (1000.0, 1002.0, 2.0, ["0"])
    assert done["log"] == f".canary-wf/sessions/{state.plan.session}/jobs/a/canary-out.txt"


def test_a_running_job_of_a_living_runner_runs(tmp_path: Path) -> None:
    """Unfinished work of a run that goes on is no failure."""
    state = _state(tmp_path, {"b": OK}, running="a", alive=True)
    assert state.record(state.plan.jobs[0]).phase is JobPhase.RUNNING
    assert (state.live, state.passed) == (True, True)


def test_a_running_job_of_a_dead_runner_is_lost_and_reading_says_so_without_writing(tmp_path: Path) -> None:
    """Status only shows what settling would say."""
    state = _state(tmp_path, {"b": OK}, running="a")
    record = state.record(state.plan.jobs[0])
    assert (record.phase, record.status.outcome) == (JobPhase.DONE, Outcome.INTERRUPTED)
    assert record.status.reason == "its runner died"
    assert not state.passed
    journal = state.paths.batch(state.plan.batches[0].id).journal.read_text()
    assert "INTERRUPTED" not in journal


@pytest.mark.parametrize(
    ("outcomes", "passed"),
    [
        ({"a": OK, "b": OK, "c": OK}, True),
        ({"a": OK, "b": Outcome.XFAIL, "c": Outcome.SKIPPED}, True),
        ({"a": OK, "b": OK}, False),
        ({"a": OK, "b": FAILED, "c": OK}, False),
        ({"a": OK, "b": Outcome.CANCELLED, "c": OK}, False),
        ({"a": OK, "b": Outcome.TIMEOUT, "c": Outcome.BLOCKED}, False),
    ],
)
def test_a_run_that_is_over_passed_when_nothing_failed_and_all_is_done(
    tmp_path: Path, outcomes: dict[str, Outcome], passed: bool
) -> None:
    """Skips alone do not fail; a job that was not run does, once the run is over."""
    assert _state(tmp_path, outcomes).passed is passed


def test_failed_are_all_that_failed_or_were_cancelled(tmp_path: Path) -> None:
    """What the gate and the reports list."""
    state = _state(tmp_path, {"a": FAILED, "b": Outcome.CANCELLED, "c": Outcome.BLOCKED})
    assert [job.name for job in state.failed] == ["a", "b"]
    assert state.not_done == []


def test_a_damaged_journal_is_told_with_its_line_and_costs_no_verdict_that_others_know(tmp_path: Path) -> None:
    """The job's own file still has what stood in that line; the batch is named all the same."""
    plan = plan_of([spec("a")])
    paths = recorded(tmp_path, plan, {"a": OK})
    batch = plan.batches[0].id
    journal = paths.batch(batch).journal
    lines = journal.read_text().splitlines()
    journal.write_text("\n".join([lines[0], "{broken", *lines[2:]]) + "\n")
    state = load_session(paths)
    assert state.damaged[batch].startswith("journal.jsonl:2 is damaged")
    assert state.record(plan.jobs[0]).status.is_pass
    assert state.as_dict()["damaged"] == state.damaged


def test_a_session_whose_plan_is_gone_is_told(tmp_path: Path) -> None:
    """The message names the file and what to do."""
    paths = write_session(plan_of([spec("a")]), tmp_path)
    paths.plan.unlink()
    with pytest.raises(WorkspaceError, match=r"plan\.json: there is no such plan"):
        load_session(paths)


def test_the_tail_of_an_output_is_short_whatever_it_holds(tmp_path: Path) -> None:
    """The last lines, from a bounded part of the file; bytes that are no text are replaced; no file, no lines."""
    path = tmp_path / "out.txt"
    assert tail(path) == []
    path.write_bytes(b"one\ntwo\xff\nthree\n")
    assert tail(path, 2) == ["two\ufffd", "three"]
    path.write_bytes(b"x" * 100_000)
    assert tail(path, 5, 10) == ["x" * 10]


@pytest.fixture
def followed(tmp_path: Path) -> tuple[SessionPaths, SessionFollower]:
    """Return a running session and who looks at it."""
    paths = recorded(tmp_path, plan_of([spec("a"), spec("b")], [spec("c")]), {"a": OK}, running=["b"], alive=True)
    return paths, SessionFollower(paths)


def test_a_follower_sees_what_a_fresh_look_sees(followed: tuple[SessionPaths, SessionFollower]) -> None:
    """Before and after a change, and for a batch alone."""
    paths, follower = followed
    assert follower.look() == load_session(paths)
    assert follower.look() == load_session(paths)
    end_job(paths, "b")
    end_runners(paths)
    assert follower.look() == load_session(paths)
    batch = follower.plan.batches[1].id
    assert SessionFollower(paths, only={batch}).look().records == {}


def test_a_follower_reads_only_what_changed(
    followed: tuple[SessionPaths, SessionFollower], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run of ten thousand batches is not read anew every second."""
    paths, follower = followed
    follower.look()
    read: list[Path] = []

    def noted(path: Path) -> BatchState:
        read.append(path)
        return read_journal(path)

    monkeypatch.setattr("canary_wf.state.journal_repair.read_journal", noted)
    follower.look()
    assert read == []
    end_job(paths, "b")
    read.clear()  # who wrote the end has read the journal as well
    follower.look()
    assert read == [paths.batch(follower.plan.batches[0].id).journal]
