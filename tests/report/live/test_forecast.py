"""How far a run is and when it ends: by the plan's estimates, corrected by what ran."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import msgspec
import pytest
from factories import plan_of, planned, spec
from hypothesis import given
from hypothesis import strategies as st
from sessions import STARTED, recorded

from canary_wf.plan.model import Plan
from canary_wf.plan.store import slices
from canary_wf.report.live.progress import RunProgress, forecast, progress_of
from canary_wf.report.live.snapshot import Snapshots
from canary_wf.report.live.views.wording import ahead
from canary_wf.report.session import SessionState, load_session
from canary_wf.run import progress as run_progress
from canary_wf.run.progress import ProgressLog
from canary_wf.spec.batch_slice import RuntimeSource
from canary_wf.state.events import JobStarted
from canary_wf.state.record import JobRecord
from canary_wf.state.session_paths import SessionPaths
from canary_wf.verdict.status import JobPhase, Outcome, Status

OK = Outcome.SUCCESS


def _plan(runtime: float, *, scheduler: str = "local") -> Plan:
    """Return two batches of two jobs each that take `runtime` seconds one after the other; the second waits."""
    plan = plan_of([spec("a"), spec("b")], [spec("c", "a"), spec("d")], scheduler=scheduler)
    jobs = tuple(msgspec.structs.replace(job, runtime=runtime) for job in plan.jobs)
    batches = tuple(msgspec.structs.replace(batch, runtime=2 * runtime) for batch in plan.batches)
    return msgspec.structs.replace(plan, jobs=jobs, batches=batches)


@pytest.mark.parametrize("source", get_args(RuntimeSource))
@pytest.mark.parametrize("elapsed", [0, 5, 40, 500])
def test_all_that_say_when_it_is_over_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: RuntimeSource, elapsed: int
) -> None:
    """The runner's log after a restart, `status`, its live view and Snakemake's line give one session one time."""
    plan = plan_of([spec("a"), spec("b"), spec("c"), spec("d", "a")])
    jobs = tuple(msgspec.structs.replace(job, runtime=100.0, runtime_source=source) for job in plan.jobs)
    batch = msgspec.structs.replace(plan.batches[0], runtime=200.0)
    plan = msgspec.structs.replace(plan, jobs=jobs, batches=(batch,))
    paths = recorded(tmp_path, plan, {"a": OK}, running=["b"], alive=True)  # a took 2 s instead of 100
    state = load_session(paths)
    now = STARTED + elapsed

    clock = [0.0]
    monkeypatch.setattr(run_progress, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    a, b = jobs[0].id, jobs[1].id
    log = ProgressLog(next(iter(slices(plan))), {a: state.records[a].status}, state.records)
    log(JobStarted(time=STARTED, job=b))
    clock[0] = elapsed
    live = ahead(Snapshots(paths).take(now))
    said = [log.summary(), *progress_of(state, now), live, RunProgress(paths).line(now)]
    times = [re.findall(r"about (\S+) (?:left|to go)", text) for text in said]
    assert len(times) == 4
    assert all(found == times[0] and found for found in times), said


def test_before_a_run_all_is_left(tmp_path: Path) -> None:
    """One batch after the other on this machine."""
    found = forecast(load_session(recorded(tmp_path, _plan(10.0), {})), STARTED)
    assert (found.started, found.remaining) == (None, 40.0)
    assert [(batch.done, batch.running, batch.is_running) for batch in found.batches] == [(0, 0, False)] * 2


def test_what_is_done_and_what_runs_is_taken_off(tmp_path: Path) -> None:
    """One job done, one half through: half a job and the second batch are left."""
    paths = recorded(tmp_path, _plan(10.0), {"a": OK}, running=["b"], alive=True)
    found = forecast(load_session(paths), STARTED + 5)
    assert found.started == STARTED
    assert found.remaining == pytest.approx(5 + 20)
    assert [(batch.done, batch.running, batch.is_running) for batch in found.batches] == [(1, 1, True), (0, 0, False)]


def test_a_job_that_takes_longer_than_expected_has_nothing_left(tmp_path: Path) -> None:
    """The end does not move into the past."""
    paths = recorded(tmp_path, _plan(10.0), {"a": OK}, running=["b"], alive=True)
    assert forecast(load_session(paths), STARTED + 500).remaining == pytest.approx(20)


def test_a_run_that_is_through_has_nothing_left(tmp_path: Path) -> None:
    """Also with failures."""
    outcomes = {"a": OK, "b": Outcome.FAILED, "c": OK, "d": Outcome.TIMEOUT}
    found = forecast(load_session(recorded(tmp_path, _plan(10.0), outcomes)), STARTED)
    assert found.remaining == 0.0
    assert [(batch.is_done, batch.failed) for batch in found.batches] == [(True, 1), (True, 1)]


def test_what_ran_corrects_what_is_expected_of_the_rest(tmp_path: Path) -> None:
    """Jobs that took a fiftieth of a bad guess let the others be expected sooner, within bounds."""
    paths = recorded(tmp_path, _plan(100.0), {"a": OK, "b": OK})
    assert forecast(load_session(paths), STARTED).remaining == pytest.approx(200 / 10)


@given(st.lists(st.sampled_from(["done", "running", "pending"]), min_size=4, max_size=4), st.floats(0, 1000))
def test_a_forecast_is_never_below_zero_nor_above_the_whole(phases: list[str], later: float) -> None:
    """Whatever has happened so far, while jobs take what was expected of them."""
    plan = _plan(10.0)
    records = {
        job.id: JobRecord(
            phase=JobPhase.DONE if phase == "done" else JobPhase.RUNNING,
            status=Status.of(OK) if phase == "done" else Status(),
            started=STARTED,
            measurements={"duration": 10.0} if phase == "done" else {},
        )
        for job, phase in zip(plan.jobs, phases, strict=True)
        if phase != "pending"
    }
    state = SessionState(SessionPaths(Path("/nowhere"), plan.session), plan, records, live=True, begun=True)
    found = forecast(state, STARTED + later)
    assert 0 <= found.remaining <= 40
    assert (found.remaining == 0) is (all(phase == "done" or (phase == "running" and later >= 10) for phase in phases))


def test_as_many_nodes_are_reckoned_with_as_are_busy(tmp_path: Path) -> None:
    """On a cluster whose size is not known, what runs now says how wide it is."""
    plan = plan_of(*([spec(f"j{n}")] for n in range(4)), scheduler="slurm")
    jobs = tuple(planned(job, job.batch, 10.0) for job in plan.jobs)
    batches = tuple(msgspec.structs.replace(batch, runtime=10.0) for batch in plan.batches)
    plan = msgspec.structs.replace(plan, jobs=jobs, batches=batches)
    waiting = load_session(recorded(tmp_path / "a", plan, {}))
    assert forecast(waiting, STARTED).remaining == 10.0
    running = load_session(recorded(tmp_path / "b", plan, {}, running=["j0", "j1"], alive=True))
    assert forecast(running, STARTED).remaining == 20.0


def _mixed(sources: dict[str, tuple[float, RuntimeSource]]) -> Plan:
    """Return one batch of jobs by name, each with what it is expected to take and where that is from."""
    plan = plan_of([spec(name) for name in sources])
    jobs = tuple(
        msgspec.structs.replace(job, runtime=sources[job.name][0], runtime_source=sources[job.name][1])
        for job in plan.jobs
    )
    length = sum(seconds for seconds, _ in sources.values()) / 2
    return msgspec.structs.replace(plan, jobs=jobs, batches=(msgspec.structs.replace(plan.batches[0], runtime=length),))


@pytest.mark.parametrize("source", ["declared", "history"])
def test_a_running_job_needs_what_is_known_of_it(tmp_path: Path, source: RuntimeSource) -> None:
    """However far off the guesses for others were, or what was known of them: in a batch, in all, in every view."""
    plan = _mixed(
        {
            **{f"quick{n}": (75.0, "default") for n in range(8)},
            **{f"known{n}": (30.0, source) for n in range(4)},
            "long": (20.0, source),
        }
    )
    ended = {job.name: OK for job in plan.jobs if job.name != "long"}
    paths = recorded(tmp_path, plan, ended, running=["long"], alive=True)
    state = load_session(paths)
    found = forecast(state, STARTED + 6)
    assert found.batches[0].remaining == found.remaining == pytest.approx(14)
    (line,) = progress_of(state, STARTED + 6)
    assert "about 14s left" in line
    assert RunProgress(paths).line(STARTED + 6).endswith("about 14s to go")
    assert forecast(state, STARTED + 30).remaining == 0.0


def test_estimates_are_corrected_by_what_is_known_of_their_own_kind(tmp_path: Path) -> None:
    """Guesses that were far off say nothing about a declared run time, nor the other way round."""
    plan = _mixed(
        {
            **{f"quick{n}": (75.0, "default") for n in range(8)},
            "declared": (20.0, "declared"),
            "guessed": (75.0, "default"),
        }
    )
    paths = recorded(tmp_path, plan, {f"quick{n}": OK for n in range(8)}, running=["guessed"], alive=True)
    assert forecast(load_session(paths), STARTED).remaining == pytest.approx((20 + 7.5) / 2)


def test_snakemakes_line_sees_a_journal_that_was_written_anew(tmp_path: Path) -> None:
    """A damaged one is repaired so; its length may be that of before."""
    plan = plan_of([spec("a"), spec("b")])
    paths = recorded(tmp_path, plan, {"a": OK}, running=["b"], alive=True)
    progress = RunProgress(paths)
    assert progress.line(STARTED).startswith("[1/2] 1 passed, 0 failed, 1 running")
    journal = paths.batch(plan.batches[0].id).journal
    anew = journal.with_suffix(".new")
    anew.write_bytes(journal.read_bytes().replace(b'"SUCCESS"', b'"TIMEOUT"'))
    anew.rename(journal)
    assert progress.line(STARTED).startswith("[1/2] 0 passed, 1 failed, 1 running")
