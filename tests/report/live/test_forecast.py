"""How far a run is and when it ends: by the plan's estimates, corrected by what ran."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import msgspec
import pytest
from factories import plan_of, planned, spec
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis_profiles import examples
from sessions import STARTED, recorded

from canary_wf.plan.model import Plan
from canary_wf.plan.store import slices
from canary_wf.plan.time_left import time_left
from canary_wf.report.live.progress import RunProgress, progress_of
from canary_wf.report.live.snapshot import Snapshots
from canary_wf.report.live.views.wording import ahead
from canary_wf.report.session import load_session
from canary_wf.run import progress as run_progress
from canary_wf.run.progress import ProgressLog
from canary_wf.spec.batch_slice import RuntimeSource
from canary_wf.state.events import JobStarted
from canary_wf.state.record import PENDING, JobRecord
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


def _left(paths: SessionPaths, now: float) -> float:
    """Return what the live view says is left at `now`."""
    return Snapshots(paths).take(now).left


def test_before_a_run_all_is_left(tmp_path: Path) -> None:
    """One batch after the other on this machine."""
    found = Snapshots(recorded(tmp_path, _plan(10.0), {})).take(STARTED)
    assert (found.spent, found.left, ahead(found)) == (None, 40.0, "")


def test_what_is_done_and_what_runs_is_taken_off(tmp_path: Path) -> None:
    """One job done, one half through: half a job and the second batch are left."""
    paths = recorded(tmp_path, _plan(10.0), {"a": OK}, running=["b"], alive=True)
    found = Snapshots(paths).take(STARTED + 5)
    assert found.spent == 5.0
    assert found.left == pytest.approx(5 + 20)


def test_a_job_that_takes_longer_than_expected_has_nothing_left(tmp_path: Path) -> None:
    """The end does not move into the past."""
    paths = recorded(tmp_path, _plan(10.0), {"a": OK}, running=["b"], alive=True)
    assert _left(paths, STARTED + 500) == pytest.approx(20)


def test_a_run_that_is_through_has_nothing_left(tmp_path: Path) -> None:
    """Also with failures."""
    outcomes = {"a": OK, "b": Outcome.FAILED, "c": OK, "d": Outcome.TIMEOUT}
    found = Snapshots(recorded(tmp_path, _plan(10.0), outcomes)).take(STARTED)
    assert (found.left, found.bad, ahead(found)) == (0.0, 2, "")


def test_what_ran_corrects_what_is_expected_of_the_rest(tmp_path: Path) -> None:
    """Jobs that took a fiftieth of a bad guess let the others be expected sooner, within bounds."""
    paths = recorded(tmp_path, _plan(100.0), {"a": OK, "b": OK})
    assert _left(paths, STARTED) == pytest.approx(200 / 10)


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
    known = {job.id: records.get(job.id, PENDING) for job in plan.jobs}
    left = time_left(plan.jobs, plan.batches, known.__getitem__, STARTED + later, scheduler="local").whole
    assert 0 <= left <= 40
    assert (left == 0) is (all(phase == "done" or (phase == "running" and later >= 10) for phase in phases))


def test_as_many_nodes_are_reckoned_with_as_are_busy(tmp_path: Path) -> None:
    """On a cluster whose size is not known, what runs now says how wide it is."""
    plan = plan_of(*([spec(f"j{n}")] for n in range(4)), scheduler="slurm")
    jobs = tuple(planned(job, job.batch, 10.0) for job in plan.jobs)
    batches = tuple(msgspec.structs.replace(batch, runtime=10.0) for batch in plan.batches)
    plan = msgspec.structs.replace(plan, jobs=jobs, batches=batches)
    assert _left(recorded(tmp_path / "a", plan, {}), STARTED) == 10.0
    assert _left(recorded(tmp_path / "b", plan, {}, running=["j0", "j1"], alive=True), STARTED) == 20.0


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
    assert _left(paths, STARTED + 6) == pytest.approx(14)
    (line,) = progress_of(state, STARTED + 6)
    assert "about 14s left" in line
    assert RunProgress(paths).line(STARTED + 6).endswith("about 14s to go")
    (line,) = progress_of(state, STARTED + 30)
    assert ", longer than expected; " in line
    assert RunProgress(paths).line(STARTED + 30).endswith(", longer than expected")
    assert ahead(Snapshots(paths).take(STARTED + 30)) == "longer than expected"


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
    assert _left(paths, STARTED) == pytest.approx((20 + 7.5) / 2)


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


SOURCES: tuple[RuntimeSource, ...] = get_args(RuntimeSource)
JOBS = st.lists(
    st.tuples(
        st.sampled_from(SOURCES),
        st.floats(0.01, 200.0),  # expected
        st.floats(0.01, 200.0),  # taken, or run so far
        st.sampled_from(["done", "running", "pending"]),
    ),
    min_size=1,
    max_size=12,
)


@given(JOBS)
@settings(max_examples=examples(100), deadline=None)
def test_no_mixture_of_estimates_says_less_than_what_is_known(
    jobs: list[tuple[RuntimeSource, float, float, str]],
) -> None:
    """Whatever ran and however wrong the guesses were, a job that runs needs the rest of its known or declared time.

    A guess may be shortened, but a job that runs below its guess is never said to need nothing.
    """
    plan = _mixed({f"j{number}": (seconds, source) for number, (source, seconds, *_) in enumerate(jobs)})
    records, least, guessed = {}, 0.0, False
    for job, (source, expected, spent, what) in zip(plan.jobs, jobs, strict=True):
        if what == "pending":
            continue
        phase = JobPhase.DONE if what == "done" else JobPhase.RUNNING
        measured = {"duration": spent} if what == "done" else {}
        records[job.id] = JobRecord(phase=phase, started=STARTED - spent, measurements=measured)
        if what == "running":
            least = max(least, expected - spent if source != "default" else 0.0)
            guessed = guessed or spent < expected
    known = {job.id: records.get(job.id, PENDING) for job in plan.jobs}
    left = time_left(plan.jobs, plan.batches, known.__getitem__, STARTED, scheduler="local")
    assert left.whole >= max(0.0, least) - 1e-6
    assert left.batches == (left.whole,)
    assert left.whole > 0 or not guessed
