"""Small words that several messages share."""

import pytest

from canary_wf.wording import amount


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
