"""When and where batches ran, and what of that they used."""

from typing import Any

import pytest
from factories import plan_of, spec
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.report.batch_runs import BatchRun, Efficiency, efficiency_of, run_at, runs_of
from canary_wf.spec.resource_request import Resources
from canary_wf.state.events import AttemptEnded, AttemptStarted, JobFinished, JobStarted
from canary_wf.state.journal import CARRIED, BatchState
from canary_wf.state.record import JobRecord
from canary_wf.verdict.status import JobPhase, Outcome, Status


def _begin(time: float, token: str, host: str = "n1") -> AttemptStarted:
    return AttemptStarted(time=time, token=token, host=f"{host}/boot/ns", pid=1, slurm_job_id="7")


def _state(*events: Any) -> BatchState:  # noqa: ANN401 - any event
    state = BatchState()
    for event in events:
        state.apply(event)
    return state


def test_a_run_lasts_from_its_start_to_its_end() -> None:
    """On the host that its runner was on, without what tells this boot from the next."""
    state = _state(_begin(10.0, "a"), AttemptEnded(time=14.0, token="a", reason="complete"))
    assert runs_of(state, alive=False) == (BatchRun("n1", 10.0, 14.0, "complete", "7"),)


def test_a_run_that_died_ended_with_its_last_event() -> None:
    """What settled it later, from wherever, was no run."""
    state = _state(
        _begin(10.0, "a"),
        JobStarted(time=12.0, job="j"),
        _begin(100.0, "b", "n2"),
        JobFinished(time=100.0, job="j", outcome="INTERRUPTED"),
        AttemptEnded(time=100.0, token="b", reason="lost"),
        _begin(200.0, "c", "n3"),
    )
    assert runs_of(state, alive=True) == (
        BatchRun("n1", 10.0, 12.0, None, "7"),
        BatchRun("n3", 200.0, None, None, "7"),
    )


@pytest.mark.parametrize("reason", [CARRIED, "reset", "lost", "cancelled"])
def test_attempts_that_ran_nothing_are_no_runs(reason: str) -> None:
    """Verdicts that were taken over or reset cost no time."""
    assert runs_of(_state(_begin(1.0, "a"), AttemptEnded(time=2.0, token="a", reason=reason)), alive=False) == ()


def test_the_run_of_a_job_is_the_one_that_had_begun() -> None:
    """A job that was started in the second run ran on the second host."""
    runs = (BatchRun("n1", 10.0, 12.0, None), BatchRun("n2", 20.0, 30.0, "complete"))
    assert [run and run.host for run in (run_at(runs, time) for time in (None, 5.0, 10.0, 11.0, 25.0))] == [
        *(None, None),
        *("n1", "n1", "n2"),
    ]


def _record(seconds: float, cpus: int, gpus: int, **measured: float) -> JobRecord:
    resources: Resources = {
        "cpus": [{"id": str(n), "slots": 1} for n in range(cpus)],
        "gpus": [{"id": str(n)} for n in range(gpus)],
    }
    measurements = {"duration": seconds, **measured}
    return JobRecord(JobPhase.DONE, Status.of(Outcome.SUCCESS), 0.0, seconds, resources, measurements)


def test_hours_are_slots_times_time() -> None:
    """Asked for from start to end of all runs, held while jobs ran, busy as the kernel counted."""
    batch = plan_of([spec("a", cpus=4, gpus=2)], cpus=4, gpus=2).batches[0]
    runs = [BatchRun("n", 0.0, 1800.0, None), BatchRun("n", 4000.0, None, None)]
    records = [_record(900.0, 4, 1, cpu_user=600.0, cpu_system=300.0), _record(450.0, 2, 0)]
    assert efficiency_of(batch, runs, records, 5800.0) == Efficiency(
        cores_asked=4.0, cores_held=1.25, cores_busy=0.25, gpus_asked=2.0, gpus_held=0.25
    )
    running = JobRecord(JobPhase.RUNNING, started=0.0, resources=records[0].resources)
    assert efficiency_of(batch, [], [running], 3600.0) == Efficiency(cores_held=4.0, gpus_held=1.0)


def test_a_job_of_several_nodes_holds_all_of_them() -> None:
    """Its record has the ids of the first node and the names of all."""
    batch = plan_of([spec("a", cpus=4, gpus=2, nodes=2)], cpus=4, gpus=2).batches[0]
    record = _record(3600.0, 4, 2)
    record.resources["nodes"] = [{"id": name, "slots": 1} for name in ("n1", "n2")]
    assert efficiency_of(batch, [BatchRun("n1", 0.0, 3600.0, None)], [record], 3600.0) == Efficiency(
        cores_asked=8.0, cores_held=8.0, gpus_asked=4.0, gpus_held=4.0
    )


@given(st.lists(st.floats(0, 100), max_size=5))
def test_efficiencies_add_up(hours: list[float]) -> None:
    """The sum of all batches is that of each number."""
    total = sum((Efficiency(cores_asked=one) for one in hours), Efficiency())
    assert total.cores_asked == pytest.approx(sum(hours))
