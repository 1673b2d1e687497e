"""What a job is expected to take, and what a batch is allowed to take."""

import pytest
from factories import spec
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.batch.time_limit import MARGIN, START_UP, Retries, time_limit
from canary_wf.history.run_times import History
from canary_wf.plan.estimate import Estimate, expected_runtime
from canary_wf.spec.batch_slice import RuntimeSource


def _history(*seconds: float) -> History:
    history = History()
    for number, duration in enumerate(seconds):
        history.add(spec("a").id, f"s{number}", duration)
    return history


@pytest.mark.parametrize(
    ("declared", "known", "expected"),
    [
        (None, (), (25.0, "default")),
        (40.0, (), (40.0, "declared")),
        (40.0, (3.0, 9.0, 5.0), (5.0, "history")),
        (500.0, (), (100.0, "declared", 500.0)),
        (None, (500.0,), (100.0, "history", 500.0)),
        (0.0, (), (0.0, "declared")),
    ],
)
def test_history_wins_over_what_is_declared_and_that_over_a_quarter_of_the_timeout(
    declared: float | None, known: tuple[float, ...], expected: tuple[float, RuntimeSource]
) -> None:
    """History is the median; either is cut to the time limit, and what it was is known."""
    assert expected_runtime(spec("a", timeout=100.0, runtime=declared), _history(*known)) == Estimate(*expected)


def test_the_history_of_another_job_says_nothing() -> None:
    """Run times are known by job id."""
    assert expected_runtime(spec("b", timeout=100.0), _history(1.0)) == Estimate(25.0, "default")


_JOBS = st.lists(st.tuples(st.floats(0, 1e4), st.floats(0, 1e4)).map(lambda pair: (min(pair), max(pair))), min_size=1)


@given(_JOBS, st.floats(0, 1e5))
def test_a_limit_is_whole_minutes_with_room_for_any_one_job_to_hang(
    jobs: list[tuple[float, float]], length: float
) -> None:
    """A job that runs into its own time limit does not take the others of its batch with it."""
    limit = time_limit(length, jobs)
    assert limit % 60 == 0
    assert limit >= MARGIN * length + START_UP
    assert all(limit >= length - runtime + timeout for runtime, timeout in jobs)
    assert limit < MARGIN * length + max(timeout - runtime for runtime, timeout in jobs) + START_UP + 60.001


@pytest.mark.parametrize(
    ("again", "minutes"), [(Retries(), 4), (Retries(runs=2), 8), (Retries(hangs=1), 5), (Retries(runs=2, hangs=1), 9)]
)
def test_a_limit_has_room_for_the_runs_of_a_retry_policy(again: Retries, minutes: int) -> None:
    """The schedule once more for each further run, and one job that hangs in each of its runs."""
    assert time_limit(100.0, [(10.0, 50.0), (20.0, 30.0)], again) == 60.0 * minutes
