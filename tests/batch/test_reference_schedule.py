"""The reference schedule against a slow, literal one, its queue, and the simulation of batches on a cluster."""

from random import Random

import pytest
from batch_problems import make, problems
from hypothesis import given, settings
from hypothesis import strategies as st

from canary_wf.batch.cluster_simulator import critical_path, run_on_cluster
from canary_wf.batch.problem import Problem, Task
from canary_wf.batch.ready_queue import LOOK_AHEAD, ReadyQueue
from canary_wf.batch.reference_order import reference_order
from canary_wf.batch.reference_schedule import simulate
from canary_wf.errors import InputError


def literal_starts(problem: Problem) -> list[float]:
    """Play the schedule by the letter of its definition, without any shortcut."""
    count = len(problem)
    path = [0.0] * count
    for _ in range(count):
        for task in range(count):
            behind = [path[other] for other in range(count) if task in problem.dependencies[other]]
            path[task] = problem.runtimes[task] + max(behind, default=0.0)
    starts: dict[int, float] = {}
    ends: dict[int, float] = {}
    now = 0.0
    while len(starts) < count:
        running = [task for task in starts if starts[task] <= now < ends[task]]
        waiting = sorted(
            (
                task
                for task in range(count)
                if task not in starts and all(ends.get(other, now + 1) <= now for other in problem.dependencies[task])
            ),
            key=lambda task: (-path[task], problem.ids[task]),
        )
        for place, task in enumerate(waiting):
            if place <= LOOK_AHEAD and fits(problem, [*running, task]):
                starts[task], ends[task] = now, now + problem.runtimes[task]
                break
        else:
            now = min(end for end in ends.values() if end > now)
    return [starts[task] for task in range(count)]


def fits(problem: Problem, together: list[int]) -> bool:
    """Return whether tasks may run at once, from the demands alone."""
    shapes = [problem.shapes[problem.shape_of[task]] for task in together]
    if len(shapes) > 1 and any(shape.whole for shape in shapes):
        return False
    return all(
        there is None or sum(shape.demand[place] for shape in shapes) <= there
        for place, there in enumerate(problem.capacity)
    )


@settings(deadline=None)
@given(problems(most=14, shortest=0.5))
def test_simulation_is_the_literal_schedule(problem: Problem) -> None:
    """Starts, length and peak are those of the definition, with dependencies, several resources and exclusive jobs."""
    schedule = simulate(problem, range(len(problem)))
    starts = literal_starts(problem)
    assert schedule.starts == pytest.approx(starts)
    ends = [start + problem.runtimes[task] for task, start in enumerate(starts)]
    assert schedule.length == pytest.approx(max(ends, default=0.0))
    for place, name in enumerate(problem.types):
        there = problem.capacity[place]
        assert there is None or schedule.peak[name] <= there + 1e-9


def test_longest_path_goes_first() -> None:
    """A short job with a long chain behind it starts before a longer job without one."""
    problem = make([(8, 10.0), (8, 1.0), (8, 20.0, (1,))])
    assert reference_order(problem, range(3)) == [1, 2, 0]
    assert simulate(problem, range(3)).starts == (21.0, 0.0, 1.0)


def test_looks_at_64_past_one_that_does_not_fit() -> None:
    """The 64th waiting job past one that does not fit starts, the 65th has to wait."""
    blocked = [(8, 1000.0 - number) for number in range(LOOK_AHEAD)]
    fitting = [(1, 1.0)]
    near = make([(1, 2000.0), *blocked, *fitting])
    assert simulate(near, range(len(near))).starts[-1] == 0.0
    far = make([(1, 2000.0), *blocked, (8, 900.0), *fitting])
    assert simulate(far, range(len(far))).starts[-1] > 0.0


def test_ties_by_id_in_any_order_of_members() -> None:
    """Jobs of one length run in the order of their ids, however the members are listed."""
    problem = make([(8, 5.0)] * 4)
    assert simulate(problem, [2, 0, 3, 1]).starts == (10.0, 0.0, 15.0, 5.0)


def test_fractions_of_slots_add_up() -> None:
    """Ten jobs with a tenth of a slot run at once on one slot."""
    tasks = [Task(f"j{number}", (0.1,), 1.0) for number in range(10)]
    assert simulate(Problem.of(("gpus",), (1,), tasks), range(10)).concurrency == 10


def test_unknown_memory_is_no_limit_and_still_counted() -> None:
    """Capacity None lets everything run; the peak is told all the same."""
    tasks = [Task(f"j{number}", (1, 500.0), 1.0) for number in range(4)]
    schedule = simulate(Problem.of(("cpus", "memory"), (4, None), tasks), range(4))
    assert schedule.peak == {"cpus": 4.0, "memory": 2000.0}
    assert schedule.length == 1.0


def test_jobs_without_length_leave_no_trace() -> None:
    """Run times of zero are counted by themselves and never add up to more than there is."""
    problem = make([(8, 0.0), (8, 0.0), (1, 5.0)])
    schedule = simulate(problem, range(3))
    assert (schedule.length, schedule.peak, schedule.concurrency) == (5.0, {"cpus": 8.0}, 1)
    assert simulate(problem, []).length == 0.0


def test_a_cycle_is_told() -> None:
    """Jobs that wait for one another are an input error that names one, not an endless loop."""
    problem = make([(1, 1.0, (1,)), (1, 1.0, (0,))])
    with pytest.raises(InputError, match="cycle"):
        simulate(problem, [0, 1])


@pytest.mark.parametrize(
    "task",
    [
        Task("j", (1,), float("nan")),
        Task("j", (1,), -1.0),
        Task("j", (1,), float("inf")),
        Task("j", (9,), 1.0),
        Task("j", (float("nan"),), 1.0),
        Task("j", (1, 1), 1.0),
        Task("j", (1,), 1.0, (4,)),
    ],
)
def test_impossible_tasks_are_refused(task: Task) -> None:
    """Numbers that make no sense, and jobs that fit on no node, are refused with the job's id."""
    with pytest.raises(InputError, match="job j"):
        Problem.of(("cpus",), (8,), [task])


def test_equal_ids_are_refused() -> None:
    """Ties are broken by id, so an id stands for one job."""
    with pytest.raises(InputError, match="two jobs"):
        Problem.of((), (), [Task("j", (), 1.0), Task("j", (), 2.0)])


@given(st.lists(st.integers(0, 1000), unique=True), st.lists(st.integers(1001, 2000), unique=True))
def test_queue_gives_the_smallest_first(first: list[int], later: list[int]) -> None:
    """Whatever is pushed when, tasks leave in order and none is lost."""
    queue = ReadyQueue(later)
    for number in first:
        queue.push(number)
    assert len(queue) == len(first) + len(later)
    assert list(queue.take(lambda _number: True)) == sorted(first) + sorted(later)


def test_batches_wait_for_one_another_and_for_nodes() -> None:
    """Those of a chain run one after the other, and so do all on one node."""
    assert run_on_cluster([10.0, 20.0], [[], [0]]).starts == (0.0, 10.0)
    assert run_on_cluster([10.0, 20.0], [[], []], nodes=1).makespan == 30.0
    assert run_on_cluster([10.0, 20.0], [[], []], nodes=2).makespan == 20.0
    assert critical_path([10.0, 20.0, 5.0], [[], [0], []]) == 30.0
    with pytest.raises(InputError, match="cycle"):
        critical_path([1.0, 1.0], [[1], [0]])
    with pytest.raises(InputError, match="needs 3 nodes"):
        run_on_cluster([1.0], [[]], nodes=2, widths=[3])


@given(st.lists(st.floats(0.1, 50), min_size=1, max_size=12), st.integers(1, 4), st.randoms(use_true_random=False))
def test_cluster_keeps_its_bounds(lengths: list[float], nodes: int, random: Random) -> None:
    """The makespan is at least the chain and the mean load, at most their sum, and nothing starts too early."""
    links = [sorted({random.randrange(batch) for _ in range(2)}) if batch else [] for batch in range(len(lengths))]
    run = run_on_cluster(lengths, links, nodes=nodes)
    chain = critical_path(lengths, links)
    assert max(chain, sum(lengths) / nodes) <= run.makespan + 1e-6
    assert run.makespan <= chain + sum(lengths) / nodes + 1e-6
    for batch, upstream in enumerate(links):
        assert all(run.ends[other] <= run.starts[batch] for other in upstream)
