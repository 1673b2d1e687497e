"""The picture of batches: every batch has a place of its own."""

import msgspec
import pytest
from factories import plan_of, spec
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.report.html.gantt import LEFT, WIDTH, gantt_of, lanes_of

_RUNS = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 9), st.integers(1, 3)), max_size=30)


@given(_RUNS)
def test_lanes_are_never_shared_at_one_time(runs: list[tuple[int, int, int]]) -> None:
    """Whatever starts when, for however long, and on however many nodes."""
    batches = sorted((float(start), float(start + length), width) for start, length, width in runs)
    taken: dict[int, float] = {}
    for (start, end, width), first in zip(batches, lanes_of(batches), strict=True):
        for lane in range(first, first + width):
            assert taken.get(lane, 0.0) <= start
            taken[lane] = end


def test_batches_of_one_node_use_no_more_lanes_than_there_are_nodes() -> None:
    """Seven batches on three nodes are drawn in three lanes."""
    assert gantt_of(plan_of(*([spec(f"j{n}")] for n in range(7))), 3).lanes == 3


@pytest.mark.parametrize("count", [1, 10, 1000])
def test_bars_stay_in_the_frame_and_can_be_hit(count: int) -> None:
    """Also a thousand at once, and one that takes no time."""
    plan = plan_of(*([spec(f"j{n}")] for n in range(count)))
    batches = (msgspec.structs.replace(plan.batches[0], runtime=0.0), *plan.batches[1:])
    gantt = gantt_of(msgspec.structs.replace(plan, scheduler="slurm", batches=batches), None)
    assert len(gantt.bars) == count
    for bar in gantt.bars:
        assert bar.x >= LEFT
        assert bar.x + bar.width <= WIDTH
        assert bar.y + bar.height <= gantt.height
        assert bar.height >= 3
        assert bar.width >= 1
    assert 1 <= len(gantt.marks) <= 12
