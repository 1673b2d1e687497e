"""The node simulator's ways of simulating the schedule: all must give the same result."""

import pytest
from batch_problems import make, problems
from hypothesis import given, settings

from canary_wf.batch import node_simulator
from canary_wf.batch.node_simulator import NodeSimulator
from canary_wf.batch.problem import Problem, Task
from canary_wf.batch.ready_queue import LOOK_AHEAD
from canary_wf.batch.reference_order import reference_order


@settings(deadline=None)
@given(problems(most=90))
def test_queues_and_window_agree(problem: Problem) -> None:
    """Whether tasks wait in queues or in one window, they start at the same times."""
    order = reference_order(problem, range(len(problem)))
    in_queues = NodeSimulator(problem).run(order, dependent=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(node_simulator, "MANY_QUEUES", -1)
        length, starts = NodeSimulator(problem).run(order, dependent=True)
    assert (length, starts) == in_queues


@settings(deadline=None)
@given(problems(most=90))
def test_a_chain_aside_changes_nothing(problem: Problem) -> None:
    """Independent tasks start when they would if two more, which take nothing, depended on one another."""
    shapes = [problem.shapes[kind].demand for kind in problem.shape_of]
    tasks = [Task(f"t{n}", shape, problem.runtimes[n]) for n, shape in enumerate(shapes)]
    nothing = (0.0,) * len(problem.types)
    aside = [Task("x", nothing, 0.0), Task("y", nothing, 0.0, (len(tasks),))]
    alone = Problem.of(problem.types, problem.capacity, tasks)
    both = Problem.of(problem.types, problem.capacity, [*tasks, *aside])
    order = reference_order(alone, range(len(alone)))
    simulated = NodeSimulator(both).run([*order, len(tasks), len(tasks) + 1], dependent=True)
    expected = NodeSimulator(alone).run(order, dependent=False)
    if len(tasks) <= LOOK_AHEAD:
        assert (simulated[0], simulated[1][:-2]) == expected


def test_room_is_forgotten_not_misread(monkeypatch: pytest.MonkeyPatch) -> None:
    """With more amounts of free resources than are remembered, the schedule stays the same."""
    problem = make([(number % 4 + 1, 1.0 + number % 7) for number in range(200)])
    order = reference_order(problem, range(200))
    remembered = NodeSimulator(problem).run(order, dependent=False)
    monkeypatch.setattr(node_simulator, "MOST_REMEMBERED", 1)
    assert NodeSimulator(problem).run(order, dependent=False) == remembered
