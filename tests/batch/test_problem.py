"""Jobs as numbers: demands by type, dependencies by place."""

from factories import spec

from canary_wf.batch.problem import MEMORY, demand_of, problem_of


def test_a_demand_names_every_type_and_memory() -> None:
    """Memory that is not said takes none."""
    assert demand_of(spec("a")) == {"cpus": 1, "gpus": 0, MEMORY: 0}
    assert demand_of(spec("a", cpus=2, gpus=1, memory=64, resources={"fpgas": 3})) == {
        "cpus": 2,
        "gpus": 1,
        "fpgas": 3,
        MEMORY: 64,
    }


def test_types_are_those_of_all_jobs_in_the_order_of_their_names() -> None:
    """A job that does not ask for a type asks for nought of it; a type the node lacks is unlimited."""
    jobs = [spec("a", resources={"tapes": 1}), spec("b", cpus=2, memory=5)]
    problem = problem_of(jobs, [1.0, 2.0], {"cpus": 4, "gpus": 0, MEMORY: None})
    assert problem.types == ("cpus", "gpus", MEMORY, "tapes")
    assert list(problem.capacity) == [4, 0, None, None]
    assert [problem.shapes[kind].demand for kind in problem.shape_of] == [(1, 0, 0, 1), (2, 0, 5, 0)]
    assert problem.runtimes == [1.0, 2.0]


def test_dependencies_become_places_and_those_elsewhere_are_done() -> None:
    """A batch's problem knows nothing of other batches."""
    problem = problem_of([spec("a", "gone"), spec("b", "a", "gone")], [1.0, 1.0], {"cpus": 1})
    assert problem.dependencies == [(), (0,)]


def test_wide_and_exclusive_jobs_take_the_whole_node() -> None:
    """Nothing runs beside them."""
    jobs = [spec("a", nodes=2), spec("b", exclusive=True), spec("c")]
    problem = problem_of(jobs, [1.0] * 3, {"cpus": 4, "gpus": 1})
    assert [problem.shapes[kind].whole for kind in problem.shape_of] == [True, True, False]
    assert problem.nodes == [2, 1, 1]
