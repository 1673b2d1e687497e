"""How long a batch still takes."""

import msgspec
from factories import plan_of, spec
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.plan.time_left import BatchTimeLeft


def _time_left(*runtimes: float, length: float) -> tuple[BatchTimeLeft, list[str]]:
    plan = plan_of([spec(f"j{number}") for number in range(len(runtimes))])
    jobs = [msgspec.structs.replace(job, runtime=seconds) for job, seconds in zip(plan.jobs, runtimes, strict=True)]
    return BatchTimeLeft(msgspec.structs.replace(plan.batches[0], runtime=length), jobs), [job.id for job in jobs]


def test_what_is_left_goes_by_at_the_rate_of_the_schedule() -> None:
    """Four jobs of 10 s on two CPUs take 20 s; what a running job has done is done."""
    time_left, (a, b, c, d) = _time_left(10, 10, 10, 10, length=20)
    assert (time_left.seconds_left(0), time_left.running, time_left.waiting) == (20, 0, 4)
    time_left.start(a, 0)
    time_left.start(b, 0)
    assert time_left.seconds_left(4) == 16
    time_left.end(a)
    time_left.wait(b)
    assert (time_left.seconds_left(10), time_left.running, time_left.waiting) == (15, 0, 3)
    for job in (b, c, d):
        time_left.end(job)
    assert (time_left.seconds_left(99), time_left.waiting) == (0, 0)


def test_a_running_job_is_waited_for() -> None:
    """However little its share of the work is; one that runs longer than expected is not waited for at all."""
    time_left, (a, b) = _time_left(100, 1, length=50)
    time_left.start(a, 0)
    time_left.end(b)
    assert time_left.seconds_left(0) == 100
    assert time_left.seconds_left(300) == 0


def test_work_that_is_next_to_nothing_has_no_endless_rate() -> None:
    """The smallest number there is, and a schedule that takes a second all the same."""
    time_left, ids = _time_left(5e-324, length=1.0)
    time_left.start(ids[0], 0.0)
    assert time_left.seconds_left(1.0) == 0.0


@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=8), st.floats(0, 1e4), st.data())
def test_it_is_never_negative_and_ends_at_zero(runtimes: list[float], length: float, data: st.DataObject) -> None:
    """Whatever happens in which order."""
    time_left, ids = _time_left(*runtimes, length=length)
    for now, job in enumerate(data.draw(st.permutations(ids))):
        if data.draw(st.booleans()):
            time_left.start(job, now)
        assert time_left.seconds_left(now + data.draw(st.floats(0, 1e5))) >= 0
        time_left.end(job)
    assert time_left.seconds_left(1e6) == 0
    assert (time_left.running, time_left.waiting) == (0, 0)


def test_the_runner_corrects_guesses_by_what_ran() -> None:
    """By those of the same source only, and a running job still needs what was declared."""
    plan = plan_of([spec(f"j{number}") for number in range(4)])
    sources = ((100.0, "default"), (100.0, "default"), (20.0, "declared"), (100.0, "default"))
    jobs = [
        msgspec.structs.replace(job, runtime=seconds, runtime_source=source)
        for job, (seconds, source) in zip(plan.jobs, sources, strict=True)
    ]
    time_left = BatchTimeLeft(msgspec.structs.replace(plan.batches[0], runtime=320.0), jobs)
    a, b, c, _ = (job.id for job in jobs)
    for job in (a, b, c):
        time_left.start(job, 0)
    time_left.end(a, 1.0)
    time_left.end(b, 1.0)
    assert time_left.seconds_left(6) == 14 + 10
