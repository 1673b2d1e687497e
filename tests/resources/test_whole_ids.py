"""How many whole ids hold the slots that a batch peaks at."""

import pytest

from canary_wf.resources.request import ids_that_hold, largest_id


@pytest.mark.parametrize(
    ("slots", "sizes", "largest", "most", "found"),
    [
        (0, {"a": 1}, 1, 0, (0, [])),
        (3, {"a": 1, "b": 1}, 1, 0, (2, ["a", "b"])),
        (100, {"a": 100}, 50, 1, (1, ["a"])),
        (50, {"a": 40, "b": 100, "c": 60}, 50, 1, (1, ["b", "c"])),
        (60, {"a": 100, "b": 100}, 30, 2, (2, ["a", "b"])),
        (4, {"a": 2, "b": 3}, 3, 2, (2, ["a", "b"])),
        (2, {"a": 0, "b": 2}, 1, 0, (1, ["b"])),
    ],
)
def test_ids_are_held_whole(slots: int, sizes: dict[str, int], largest: int, most: int, found: object) -> None:
    """Slots of one item are on one id; one item of a job is on an id of its own while there are such."""
    assert ids_that_hold(slots, sizes, largest, most) == found


def test_the_id_with_the_most_slots() -> None:
    """Of none there is none."""
    assert largest_id([{"id": "a", "slots": 1}, {"id": "b", "slots": 4}, {"id": "c", "slots": 4}]) == "b"
    assert largest_id([]) == ""
