"""What is left to do of a batch: the order in which jobs may start, and what a verdict lets go on."""

from typing import Any

from factories import planned, spec
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.batch.problem import problem_of
from canary_wf.batch.reference_order import reference_order
from canary_wf.run.ready_jobs import ReadyJobs
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.spec.job_spec import DependencyEdge, JobSpec
from canary_wf.verdict.status import Outcome, Status

PASSED, FAILED = Status.of(Outcome.SUCCESS), Status.of(Outcome.FAILED)


def _after(name: str, when: str, *needs: str) -> JobSpec:
    edges = tuple(DependencyEdge(spec(need).id, when) for need in needs)
    return spec(name, dependencies=edges)


def _ready_jobs(jobs: list[JobSpec], known: dict[str, Status] | None = None) -> tuple[ReadyJobs, dict[str, PlannedJob]]:
    left = [planned(job) for job in jobs]
    ids = {spec(name).id: status for name, status in (known or {}).items()}
    names = {job.id: job.name for job in left} | {spec(name).id: name for name in known or ()}
    return ReadyJobs(left, ids, names), {job.name: job for job in left}


def _taken(ready_jobs: ReadyJobs) -> list[str]:
    return [job.name for job, _ in ready_jobs.take(lambda _: True)]


def _judged(ready_jobs: ReadyJobs, job: PlannedJob, status: Status) -> dict[str, str]:
    return {judged.name: verdict.outcome.name for judged, verdict in ready_jobs.judge(job, status)}


def test_a_chain_goes_on_job_by_job() -> None:
    """Each one waits for the verdict on the one before."""
    ready_jobs, jobs = _ready_jobs([spec("a"), spec("b", "a"), spec("c", "b")])
    assert list(ready_jobs.start()) == []
    assert _taken(ready_jobs) == ["a"]
    for name, following in (("a", ["b"]), ("b", ["c"]), ("c", [])):
        assert _judged(ready_jobs, jobs[name], PASSED) == {name: "SUCCESS"}
        assert _taken(ready_jobs) == following
    assert set(ready_jobs.verdicts) == {job.id for job in jobs.values()}


def test_a_failure_blocks_all_behind_it_and_lets_its_analysis_run() -> None:
    """BLOCKED is a verdict of its own, which others may wait for."""
    jobs = [spec("a"), spec("b", "a"), spec("c", "b"), _after("d", "on_failure", "a"), _after("e", "always", "c")]
    ready_jobs, by_name = _ready_jobs(jobs)
    assert list(ready_jobs.start()) == []
    assert _taken(ready_jobs) == ["a"]
    assert _judged(ready_jobs, by_name["a"], FAILED) == {"a": "FAILED", "b": "BLOCKED", "c": "BLOCKED"}
    assert sorted(_taken(ready_jobs)) == ["d", "e"]
    assert ready_jobs.verdicts[by_name["b"].id].reason == "dependency a ended with FAILED, needed on_success"


def test_what_is_blocked_from_the_start_is_told_once() -> None:
    """By a verdict of an earlier run; a job that does not mind starts, once."""
    ready_jobs, _ = _ready_jobs([spec("b", "a"), spec("c", "b"), _after("d", "always", "b")], {"a": FAILED})
    assert {job.name: status.outcome.name for job, status in ready_jobs.start()} == {"b": "BLOCKED", "c": "BLOCKED"}
    assert _taken(ready_jobs) == ["d"]


def test_nothing_goes_on_behind_an_interrupted_job() -> None:
    """That one runs again, with the next runner."""
    ready_jobs, jobs = _ready_jobs([spec("a"), _after("b", "always", "a")])
    assert list(ready_jobs.start()) == []
    assert _taken(ready_jobs) == ["a"]
    assert _judged(ready_jobs, jobs["a"], Status.of(Outcome.INTERRUPTED)) == {"a": "INTERRUPTED"}
    assert _taken(ready_jobs) == []
    assert ready_jobs.unblocked() == []


def test_a_job_that_is_to_run_again_is_taken_again() -> None:
    """And what fits nowhere stays."""
    ready_jobs, jobs = _ready_jobs([spec("a"), spec("b")])
    assert list(ready_jobs.start()) == []
    assert [job.name for job, _ in ready_jobs.take(lambda job: job.name == "b" or None)] == ["b"]
    ready_jobs.requeue(jobs["b"])
    assert sorted(job.name for job in ready_jobs.unblocked()) == ["a", "b"]
    assert sorted(_taken(ready_jobs)) == ["a", "b"]


@st.composite
def _graphs(draw: st.DrawFn) -> list[JobSpec]:
    jobs: list[JobSpec] = []
    for number in range(draw(st.integers(1, 12))):
        when = draw(st.sampled_from(["on_success", "on_failure", "always"]))
        needs = [f"j{other}" for other in range(number) if draw(st.integers(0, 3)) == 0]
        jobs.append(_after(f"j{number}", when, *needs))
    return jobs


@given(_graphs(), st.data())
def test_every_job_is_taken_or_blocked_once_its_upstreams_are_through(jobs: list[JobSpec], data: st.DataObject) -> None:
    """Whatever the graph and the verdicts."""
    ready_jobs, by_name = _ready_jobs(jobs)
    seen: list[str] = [job.id for job, _ in ready_jobs.start()]
    running: list[Any] = []
    while running := [*running, *(job for job, _ in ready_jobs.take(lambda _: True))]:
        for job in running:
            assert all(edge.job in ready_jobs.verdicts for edge in job.dependencies)
        ended = running.pop(data.draw(st.integers(0, len(running) - 1)))
        status = data.draw(st.sampled_from([PASSED, FAILED]))
        seen += [job.id for job, _ in ready_jobs.judge(ended, status)]
    assert sorted(seen) == sorted(job.id for job in by_name.values())


@given(_graphs(), st.data())
def test_jobs_are_looked_at_in_the_order_that_was_simulated(jobs: list[JobSpec], data: st.DataObject) -> None:
    """That of the planner's schedule, whatever the run times."""
    runtimes = [float(data.draw(st.integers(0, 5))) for _ in jobs]
    left = [planned(job, runtime=runtime) for job, runtime in zip(jobs, runtimes, strict=True)]
    ready_jobs = ReadyJobs(left, {}, {job.id: job.name for job in left})
    assert list(ready_jobs.start()) == []
    order = reference_order(problem_of(jobs, runtimes, {}), range(len(jobs)))
    assert _taken(ready_jobs) == [jobs[place].name for place in order if not jobs[place].dependencies]
