"""How long a batch still takes."""

import msgspec
from factories import plan_of, spec
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.plan.time_left import Pace


def _pace(*runtimes: float, length: float) -> tuple[Pace, list[str]]:
    plan = plan_of([spec(f"j{number}") for number in range(len(runtimes))])
    jobs = [msgspec.structs.replace(job, runtime=seconds) for job, seconds in zip(plan.jobs, runtimes, strict=True)]
    return Pace(msgspec.structs.replace(plan.batches[0], runtime=length), jobs), [job.id for job in jobs]


def test_what_is_left_goes_by_at_the_rate_of_the_schedule() -> None:
    """Four jobs of 10 s on two CPUs take 20 s; what a running job has done is done."""
    pace, (a, b, c, d) = _pace(10, 10, 10, 10, length=20)
    assert (pace.seconds_left(0), pace.running, pace.waiting) == (20, 0, 4)
    pace.start(a, 0)
    pace.start(b, 0)
    assert pace.seconds_left(4) == 16
    pace.end(a)
    pace.again(b)
    assert (pace.seconds_left(10), pace.running, pace.waiting) == (15, 0, 3)
    for job in (b, c, d):
        pace.end(job)
    assert (pace.seconds_left(99), pace.waiting) == (0, 0)


def test_a_running_job_is_waited_for() -> None:
    """However little its share of the work is; one that runs longer than expected is not waited for at all."""
    pace, (a, b) = _pace(100, 1, length=50)
    pace.start(a, 0)
    pace.end(b)
    assert pace.seconds_left(0) == 100
    assert pace.seconds_left(300) == 0


def test_work_that_is_next_to_nothing_has_no_endless_rate() -> None:
    """The smallest number there is, and a schedule that takes a second all the same."""
    pace, ids = _pace(5e-324, length=1.0)
    pace.start(ids[0], 0.0)
    assert pace.seconds_left(1.0) == 0.0


@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=8), st.floats(0, 1e4), st.data())
def test_it_is_never_negative_and_ends_at_zero(runtimes: list[float], length: float, data: st.DataObject) -> None:
    """Whatever happens in which order."""
    pace, ids = _pace(*runtimes, length=length)
    for now, job in enumerate(data.draw(st.permutations(ids))):
        if data.draw(st.booleans()):
            pace.start(job, now)
        assert pace.seconds_left(now + data.draw(st.floats(0, 1e5))) >= 0
        pace.end(job)
    assert pace.seconds_left(1e6) == 0
    assert (pace.running, pace.waiting) == (0, 0)


def test_the_runner_corrects_guesses_by_what_ran() -> None:
    """By those of the same source only, and a running job still needs what was declared."""
    plan = plan_of([spec(f"j{number}") for number in range(4)])
    sources = ((100.0, "default"), (100.0, "default"), (20.0, "declared"), (100.0, "default"))
    jobs = [
        msgspec.structs.replace(job, runtime=seconds, runtime_source=source)
        for job, (seconds, source) in zip(plan.jobs, sources, strict=True)
    ]
    pace = Pace(msgspec.structs.replace(plan.batches[0], runtime=320.0), jobs)
    a, b, c, _ = (job.id for job in jobs)
    for job in (a, b, c):
        pace.start(job, 0)
    pace.end(a, 1.0)
    pace.end(b, 1.0)
    assert pace.seconds_left(6) == 14 + 10
