"""Resetting jobs: they are pending again, their batch and the gate are due, the rest stays."""

import json
from pathlib import Path

import pytest
from factories import plan_of, spec
from hypothesis import given
from hypothesis import strategies as st
from sessions import recorded

from canary_wf.recovery.reset import reset_jobs, with_blocked
from canary_wf.report.session import load_session
from canary_wf.state.journal import read_journal
from canary_wf.verdict.status import Outcome


def test_a_reset_job_is_pending_and_its_batch_due(tmp_path: Path) -> None:
    """The other job keeps its verdict; what the last run printed stays to be read."""
    plan = plan_of([spec("a"), spec("b")])
    paths = recorded(tmp_path, plan, {"a": Outcome.FAILED, "b": Outcome.SUCCESS})
    files = paths.batch(plan.batches[0].id)
    assert files.result.exists()
    reset_jobs(paths, {plan.batches[0].id: [plan.jobs[0]]})
    state = load_session(paths)
    assert [state.record(job).status.outcome for job in plan.jobs] == [Outcome.NONE, Outcome.SUCCESS]
    assert not files.result.exists()
    assert json.loads((paths.job("a") / "job.json").read_text())["phase"] == "PENDING"
    assert (paths.job("a") / "canary-out.txt").exists()
    assert (paths.job("b") / "job.json").exists()
    assert not state.live
    assert not read_journal(files.journal).is_open


def test_the_state_file_keeps_the_whole_job(tmp_path: Path) -> None:
    """A reset job is described as it was by its run: as it is in the plan."""
    plan = plan_of([spec("a")])
    paths = recorded(tmp_path, plan, {"a": Outcome.FAILED})
    file = paths.job("a") / "job.json"
    before = json.loads(file.read_text())["spec"]
    reset_jobs(paths, {plan.batches[0].id: [plan.jobs[0]]})
    assert json.loads(file.read_text())["spec"] == before
    assert before["batch"] == plan.batches[0].id


def test_the_reports_and_the_gate_are_due_again(tmp_path: Path) -> None:
    """Snakemake runs them once more, and a reset of what is not there is no error."""
    plan = plan_of([spec("a")])
    paths = recorded(tmp_path, plan, {"a": Outcome.FAILED})
    reset_jobs(paths, {})
    paths.report.mkdir()
    for path in (paths.report / "report.json", paths.report / "junit.xml", paths.gate):
        path.write_text("old")
    reset_jobs(paths, {plan.batches[0].id: [plan.jobs[0]]})
    assert list(paths.report.iterdir()) == []
    assert not paths.gate.exists()


def test_a_reset_that_is_cut_short_leaves_the_batch_due(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes Snakemake run the rule goes first, so that no job is forgotten."""
    plan = plan_of([spec("a")])
    paths = recorded(tmp_path, plan, {"a": Outcome.FAILED})

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("canary_wf.recovery.reset.claim_batch", die)
    with pytest.raises(KeyboardInterrupt):
        reset_jobs(paths, {plan.batches[0].id: [plan.jobs[0]]})
    assert not paths.batch(plan.batches[0].id).result.exists()


def test_what_was_blocked_by_a_chosen_job_comes_with_it() -> None:
    """Directly or through others; what others blocked stays blocked."""
    blocked = [spec("b", "a"), spec("c", "b"), spec("y", "x")]
    assert with_blocked([spec("a").id], blocked) == {spec(name).id for name in "abc"}
    assert with_blocked([], blocked) == set()


@given(st.lists(st.lists(st.integers(0, 15), max_size=3), max_size=16), st.sets(st.integers(0, 15)))
def test_the_closure_holds_all_and_only_what_waits(rows: list[list[int]], chosen: set[int]) -> None:
    """No job outside depends on one inside, and each one inside is chosen or waits for one inside."""
    jobs = [
        spec(f"j{number}", *(f"j{upstream}" for upstream in needs if upstream < number))
        for number, needs in enumerate(rows)
    ]
    start = {spec(f"j{number}").id for number in chosen}
    found = with_blocked(start, jobs)
    for job in jobs:
        waits = any(edge.job in found for edge in job.dependencies)
        assert (job.id in found) == (job.id in start or waits)
