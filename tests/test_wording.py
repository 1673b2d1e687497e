"""Small words that several messages share."""

import pytest

from canary_wf.wording import amount, moment


@pytest.mark.parametrize(
    ("number", "kind", "told"),
    [
        (1, "gpus", "1 gpu"),
        (2, "gpus", "2 gpus"),
        (0, "cpus", "0 cpus"),
        (0.5, "gpus", "0.5 gpus"),
        (1, "bus", "1 bus"),
        (2_000_000, "cpus", "2000000 cpus"),
    ],
)
def test_amounts_of_resources(number: float, kind: str, told: str) -> None:
    """In the singular where that is known, and in all digits."""
    assert amount(number, kind) == told


def test_a_point_in_time_is_told_in_utc() -> None:
    """To the minute or the second; what is none does not end the command."""
    assert (moment(0), moment(61, exact=True)) == ("1970-01-01 00:00 UTC", "1970-01-01 00:01:01 UTC")
    assert (moment(1e300), moment(float("nan"))) == ("1e+300 s UTC", "nan s UTC")
