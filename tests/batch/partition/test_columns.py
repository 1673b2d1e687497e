"""Patterns, columns, list scheduling and exchanges: each alone does what the partitioner relies on."""

import random

import pytest
from batch_problems import make
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.batch.partition import length_bound, partition
from canary_wf.batch.partition.columns import ColumnPacking, solve_configuration_lp
from canary_wf.batch.partition.flat import FlatPacking
from canary_wf.batch.partition.graph import canonical, graph_of
from canary_wf.batch.partition.lpt import exchange_tasks
from canary_wf.batch.partition.search import list_schedule
from canary_wf.batch.problem import Problem, Task
from canary_wf.batch.reference_schedule import simulate
from canary_wf.batch.specification import BatchSpecification

LIMITS = (8, 4)

needs_of_shapes = st.lists(st.tuples(st.integers(1, 8), st.integers(0, 4)), min_size=1, max_size=10, unique=True)


@st.composite
def works(draw: st.DrawFn) -> tuple[list[tuple[int, int]], list[float]]:
    """Draw needs of shapes, and seconds of work of each."""
    needs = draw(needs_of_shapes)
    return needs, draw(st.lists(st.floats(0.5, 1e5), min_size=len(needs), max_size=len(needs)))


@given(works())
def test_patterns_do_all_the_work_and_each_fits(drawn: tuple[list[tuple[int, int]], list[float]]) -> None:
    """Every shape gets exactly its seconds, no pattern exceeds the limits, and no time is below the bound."""
    needs, work = drawn
    found = solve_configuration_lp(work, needs, LIMITS)
    done = [0.0] * len(work)
    for seconds, pattern in found.patterns:
        assert all(sum(many * needs[shape][place] for shape, many in pattern) <= LIMITS[place] for place in range(2))
        for shape, many in pattern:
            done[shape] += seconds * many
    assert done == pytest.approx(work, rel=1e-6, abs=1e-6)
    assert found.seconds == pytest.approx(sum(seconds for seconds, _ in found.patterns))
    filled = max(
        sum(need[place] * seconds for need, seconds in zip(needs, work, strict=True)) / LIMITS[place]
        for place in range(2)
    )
    assert found.seconds >= max(found.bound, filled) * (1 - 1e-6)


@given(works())
def test_patterns_are_optimal(drawn: tuple[list[tuple[int, int]], list[float]]) -> None:
    """On nodes of this size the search is never cut short, so the bound proves that the patterns are optimal."""
    needs, work = drawn
    found = solve_configuration_lp(work, needs, LIMITS)
    assert found.bound > 0
    assert found.seconds <= found.bound * 1.001


def test_two_halves_that_leave_the_gpus_idle_run_apart() -> None:
    """Half of the cpus without a gpu, and the other half with all gpus: side by side, not each with its like."""
    found = solve_configuration_lp([100.0, 400.0], [(4, 0), (1, 1)], LIMITS)
    assert found.patterns == [(100.0, ((0, 1), (1, 4)))]


def drawn_tasks(count: int, seed: int) -> list[Task]:
    """Return seeded tasks of cpus, gpus and lognormal run times of at most 600 s."""
    random_ = random.Random(seed)  # noqa: S311 - the same numbers every time
    return [
        Task(
            f"j{number:05}",
            (random_.choices((1, 2, 4, 8), (70, 15, 10, 5))[0], random_.choice((0, 0, 1, 2))),
            min(60 * random_.lognormvariate(0, 1.2), 600.0),
        )
        for number in range(count)
    ]


@given(st.integers(0, 300), st.integers(0, 5), st.floats(60.0, 5000.0))
def test_columns_hold_each_task_once(count: int, seed: int, length: float) -> None:
    """The tasks in batches and the remaining tasks are all tasks, and no batch is empty."""
    problem = Problem.of(("cpus", "gpus"), LIMITS, drawn_tasks(count, seed))
    batches, left = ColumnPacking(problem).pack(range(count), length)
    assert sorted([*left, *(task for batch in batches for task in batch)]) == list(range(count))
    assert all(batches)


def test_columns_fill_batches() -> None:
    """The batches take about the length asked for, and hold most of the work."""
    problem = Problem.of(("cpus", "gpus"), LIMITS, drawn_tasks(4000, 1))
    batches, left = ColumnPacking(problem).pack(range(4000), 1800.0)
    lengths = [simulate(problem, batch).length for batch in batches]
    assert 0.9 * 1800 < sum(lengths) / len(lengths) < 1.1 * 1800
    assert len(left) < 400


def test_tasks_without_length_are_left_over() -> None:
    """Shapes whose tasks take no time get no column, so their tasks remain."""
    tasks = [Task("a", (1, 1), 0.0), Task("b", (2, 0), 5.0), Task("c", (1, 0), 5.0)]
    batches, left = ColumnPacking(Problem.of(("cpus", "gpus"), LIMITS, tasks)).pack(range(3), 5.0)
    assert 0 in left
    assert sorted([*left, *(task for batch in batches for task in batch)]) == [0, 1, 2]


def test_one_resource_needs_no_columns() -> None:
    """With one scarce resource, filling by total load is enough."""
    assert not ColumnPacking(make([(1, 5.0), (2, 5.0)])).useful


def packing_of(problem: Problem) -> FlatPacking:
    """Return the flat packing of a problem whose tasks are sorted by id."""
    return FlatPacking(problem, graph_of(problem), same_nodes=False)


@given(st.lists(st.tuples(st.integers(1, 8), st.floats(0.1, 90.0), st.integers(0, 5)), min_size=1, max_size=60))
def test_list_schedules_respect_dependencies(rows: list[tuple[int, float, int]]) -> None:
    """Each batch only needs those before it, whichever end of the graph the attempt begins at."""
    tasks = [
        (cpus, seconds, (number - back,) if 0 < back <= number else ())
        for number, (cpus, seconds, back) in enumerate(rows)
    ]
    problem, _ = canonical(make(tasks))
    batches = list_schedule(packing_of(problem), 100.0, len(rows))
    assert batches is not None
    assert sorted(task for batch in batches for task in batch) == list(range(len(rows)))
    done: set[int] = set()
    for batch in batches:
        assert all(set(problem.dependencies[task]) <= done for task in batch)
        assert simulate(problem, batch).length <= 100.0 * (1 + 1e-9)
        done.update(batch)


def test_narrow_levels_keep_to_the_nominal_number() -> None:
    """A hundred chains of ten: by levels each takes two batches, a list schedule only as many as the work fills."""
    random_ = random.Random(3)  # noqa: S311 - the same numbers every time
    rows = [(1, random_.uniform(20, 200), (number - 1,) if number % 10 else ()) for number in range(1000)]
    problem = make(rows)
    work = sum(seconds for _, seconds, _ in rows) / 8
    batches = partition(problem, BatchSpecification.parse(f"duration:{work / 14.5:.0f}"))
    assert len(batches) == 15


def test_exchanges_shorten_the_longest_and_lose_nothing() -> None:
    """From a bad start, the longest batch comes near to the bound; each task is still there once."""
    problem, _ = canonical(Problem.of(("cpus", "gpus"), LIMITS, drawn_tasks(200, 5)))
    length = packing_of(problem).packer.length
    start = [list(range(120)), list(range(120, 200))]
    bound = length_bound(problem, 2, problem.runtimes)
    made = exchange_tasks(start, length, bound)
    assert sorted(made[0] + made[1]) == list(range(200))
    assert max(map(length, made)) < 1.1 * bound < max(map(length, start))
    assert made == exchange_tasks(start, length, bound)


def test_one_batch_has_no_partner_to_exchange_with() -> None:
    """A single batch stays what it is."""
    assert exchange_tasks([[0, 1]], lambda tasks: float(len(tasks)), 1.0) == [[0, 1]]
