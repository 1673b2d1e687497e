"""The Gantt chart of batches on the cluster, as numbers: lanes, bars and the marks of the time axis.

A lane is a node; a batch takes the lowest lanes that are free when it starts. Lengths are user units of an SVG that is
always `WIDTH` wide. The more lanes there are, the thinner they are drawn, down to a height that can still be clicked.
"""

from collections.abc import Sequence
from heapq import heappop, heappush

import msgspec

from canary_wf.durations import format_duration
from canary_wf.plan.explanation.summary import expected_run
from canary_wf.plan.model import Plan

WIDTH = 1200.0
LEFT = 64.0
TOP = 24.0
_RIGHT = 28.0
_TALLEST, _THINNEST, _USUAL_HEIGHT = 26.0, 5.0, 640.0
_LEAST_BAR, _GAP = 1.0, 1.0
_LABELLED = (96.0, 13.0)
"""Least width and height of a bar that is labelled with its batch's id."""

_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_MARKS = 10


class Bar(msgspec.Struct, frozen=True):
    """One batch, by its index in the plan: its bar, its start in seconds, and whether its id fits on the bar."""

    batch: int
    start: float
    x: float
    y: float
    width: float
    height: float
    labelled: bool


class Mark(msgspec.Struct, frozen=True):
    """A line of the time axis."""

    x: float
    text: str


class Gantt(msgspec.Struct, frozen=True):
    """The whole chart; bars are sorted by start."""

    height: float
    lanes: int
    lane_height: float
    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]


def gantt_of(plan: Plan, cluster_nodes: int | None) -> Gantt:
    """Return the chart of `plan` on `cluster_nodes` nodes."""
    run = expected_run(plan, cluster_nodes)
    order = sorted(range(len(plan.batches)), key=lambda number: (run.starts[number], number))
    lanes = lanes_of([(run.starts[n], run.ends[n], plan.batches[n].nodes) for n in order])
    count = max((lane + plan.batches[n].nodes for lane, n in zip(lanes, order, strict=True)), default=1)
    step = min(_TALLEST, max(_THINNEST, _USUAL_HEIGHT / count))
    scale = (WIDTH - LEFT - _RIGHT) / (run.makespan or 1.0)
    bars = []
    for lane, number in zip(lanes, order, strict=True):
        width = max((run.ends[number] - run.starts[number]) * scale - _GAP, _LEAST_BAR)
        height = plan.batches[number].nodes * step - min(2.0, step / 4)
        labelled = width >= _LABELLED[0] and height >= _LABELLED[1]
        x = LEFT + run.starts[number] * scale
        bars.append(Bar(number, run.starts[number], x, TOP + lane * step, width, height, labelled))
    marks = tuple(Mark(LEFT + seconds * scale, _time_label(seconds)) for seconds in _axis(run.makespan))
    return Gantt(TOP + count * step + 8.0, count, step, tuple(bars), marks)


def lanes_of(batches: Sequence[tuple[float, float, int]]) -> list[int]:
    """Return the first lane of each of `batches`, given as start, end and width, sorted by start.

    A batch of several nodes takes adjacent lanes, which nodes of a cluster need not be. So the chart may have more
    lanes than there are nodes.
    """
    free: list[int] = []
    busy: list[tuple[float, int, int]] = []
    lanes, count = [], 0
    for start, end, width in batches:
        while busy and busy[0][0] <= start:
            _, lane, wide = heappop(busy)
            for number in range(lane, lane + wide):
                heappush(free, number)
        found = heappop(free) if width == 1 and free else _neighbours(free, width)
        if found is None:
            found, count = count, count + width
        lanes.append(found)
        heappush(busy, (end, found, width))
    return lanes


def _neighbours(free: list[int], width: int) -> int | None:
    """Remove the lowest `width` adjacent numbers from the heap `free`; return the first one, or None."""
    run: list[int] = []
    for number in sorted(free):
        run = [*run, number] if run and number == run[-1] + 1 else [number]
        if len(run) == width:
            free[:] = sorted(set(free) - set(run))
            return run[0]
    return None


def _axis(makespan: float) -> list[float]:
    step = next((step for step in _STEPS if makespan / step <= _MARKS), None)
    if step is None:
        step = 86400 * max(1, round(makespan / 86400 / _MARKS))
    return [float(number * step) for number in range(int(makespan / step) + 1)]


def _time_label(seconds: float) -> str:
    return format_duration(seconds) if seconds else "0"
