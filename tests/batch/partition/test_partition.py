"""Partitioning: every promise checked on random problems by a checker of its own, and the documented cases."""

import random

import msgspec
import pytest
from batch_problems import links, make, problems
from hypothesis import given, settings
from hypothesis import strategies as st

from canary_wf.batch.cluster_simulator import critical_path
from canary_wf.batch.partition import PackedBatch, length_bound, nominal_batches, partition
from canary_wf.batch.problem import Problem, Task
from canary_wf.batch.reference_schedule import simulate
from canary_wf.batch.specification import BatchSpecification
from canary_wf.errors import InputError

PARSE = BatchSpecification.parse


def check(problem: Problem, batches: list[PackedBatch], spec: BatchSpecification) -> None:
    """Check all that holds for every partition: complete, none empty, linked, acyclic, layout, nodes and bound."""
    tasks = [task for batch in batches for task in batch.tasks]
    assert sorted(tasks) == list(range(len(problem)))
    assert all(batch.tasks for batch in batches)
    dependencies = links(problem, batches)
    before = ancestors(problem)
    for number, batch in enumerate(batches):
        assert all(other < number for other in dependencies[number])
        if spec.layout == "flat":
            assert not any(before[task] & set(batch.tasks) for task in batch.tasks)
        else:
            assert not dependencies[number]
        if spec.nodes == "same":
            assert len({problem.nodes[task] for task in batch.tasks}) == 1
        if spec.duration is None:
            assert not batch.too_long
        else:
            assert batch.too_long == (max(alone(problem, batch.tasks, spec)) > spec.duration)
            longest = max(alone(problem, batch.tasks, spec))
            assert simulate(problem, batch.tasks).length <= max(spec.duration, longest) * (1 + 1e-9)
    if isinstance(spec.count, int):
        assert len(batches) <= spec.count


def alone(problem: Problem, tasks: tuple[int, ...], spec: BatchSpecification) -> list[float]:
    """Return the lengths of what cannot be divided: jobs, or with the atomic layout components."""
    if spec.layout == "flat":
        return [problem.runtimes[task] for task in tasks]
    return [simulate(problem, sorted(component)).length for component in components(problem, set(tasks))]


def components(problem: Problem, tasks: set[int]) -> list[set[int]]:
    """Return the dependency components among `tasks` by merging sets."""
    found: list[set[int]] = []
    for task in sorted(tasks):
        mine = {task, *problem.dependencies[task]}
        for other in [other for other in found if other & mine]:
            found.remove(other)
            mine |= other
        found.append(mine)
    return found


def ancestors(problem: Problem) -> list[set[int]]:
    """Return all jobs that each job depends on, directly or not; dependencies point to earlier jobs here."""
    before: list[set[int]] = []
    for dependencies in problem.dependencies:
        before.append(set(dependencies).union(*(before[other] for other in dependencies)))
    return before


def depth(problem: Problem) -> int:
    """Return the number of jobs on the longest chain."""
    level: list[int] = []
    for dependencies in problem.dependencies:
        level.append(1 + max((level[other] for other in dependencies), default=0))
    return max(level, default=0)


SPECS = [
    "duration:1",
    "duration:20",
    "duration:100",
    "duration:1000",
    "duration:30,nodes:same",
    "layout:atomic,duration:30",
    "layout:atomic,duration:300",
    "count:max",
    "layout:atomic,count:max",
    "layout:atomic,count:1",
    "layout:atomic,count:3",
]


@settings(deadline=None)
@given(problems(), st.sampled_from(SPECS))
def test_every_promise(problem: Problem, text: str) -> None:
    """On any mix of resources, nodes and dependencies the batches keep every promise."""
    spec = PARSE(text)
    check(problem, partition(problem, spec), spec)


@settings(deadline=None)
@given(problems(), st.integers(1, 45))
def test_count_is_kept_or_refused(problem: Problem, count: int) -> None:
    """Without nodes:same a count is refused exactly when it is below the depth, and the message names the depth."""
    spec = PARSE(f"count:{count}")
    smallest = depth(problem)
    if count >= smallest:
        check(problem, partition(problem, spec), spec)
    else:
        with pytest.raises(InputError, match=f"count:{smallest} or more"):
            partition(problem, spec)


@settings(deadline=None)
@given(problems(), st.integers(1, 45))
def test_count_with_same_nodes_names_a_safe_number(problem: Problem, count: int) -> None:
    """With nodes:same the number in a refusal is one that works."""
    spec = PARSE(f"count:{count},nodes:same")
    try:
        batches = partition(problem, spec)
    except InputError as error:
        enough = int(str(error).rpartition("count:")[2].split()[0])
        assert enough > count
        spec = PARSE(f"count:{enough},nodes:same")
        batches = partition(problem, spec)
    check(problem, batches, spec)


@settings(deadline=None)
@given(problems(), st.sampled_from(["duration:50", "count:40", "layout:atomic,duration:50"]), st.randoms())
def test_same_batches_in_any_order(problem: Problem, text: str, shuffler: random.Random) -> None:
    """Shuffling the input changes nothing in what the batches hold, also where other shapes are met first."""
    order = list(range(len(problem)))
    shuffler.shuffle(order)
    shapes = list(range(len(problem.shapes)))
    shuffler.shuffle(shapes)
    shape_now = {old: new for new, old in enumerate(shapes)}
    place = {old: new for new, old in enumerate(order)}
    columns = {name: [getattr(problem, name)[old] for old in order] for name in ("ids", "runtimes", "nodes")}
    shuffled = msgspec.structs.replace(
        problem,
        **columns,
        shapes=tuple(problem.shapes[old] for old in shapes),
        shape_of=[shape_now[problem.shape_of[old]] for old in order],
        dependencies=[tuple(place[other] for other in reversed(problem.dependencies[old])) for old in order],
    )
    mine, other = partition(problem, PARSE(text)), partition(shuffled, PARSE(text))
    assert [[problem.ids[task] for task in batch.tasks] for batch in mine] == [
        [shuffled.ids[task] for task in batch.tasks] for batch in other
    ]
    assert links(problem, mine) == links(shuffled, other)


CHAIN = [(1, 10.0), (1, 10.0, (0,)), (1, 10.0, (1,))]


@pytest.mark.parametrize(
    ("rows", "text", "expected"),
    [
        (CHAIN, "duration:60", [[0], [1], [2]]),
        (CHAIN, "count:9", [[0], [1], [2]]),
        (CHAIN, "layout:atomic,count:2", [[0, 1, 2]]),
        (CHAIN, "layout:atomic", [[0, 1, 2]]),
        ([*CHAIN, (1, 10.0), (1, 10.0, (3,))], "layout:atomic,count:5", [[0, 1, 2], [3, 4]]),
        ([*CHAIN, (1, 10.0), (1, 10.0, (3,))], "layout:atomic,count:max", [[0, 1, 2], [3, 4]]),
        ([(1, 10.0)] * 3, "count:8", [[0], [1], [2]]),
        ([(1, 10.0)] * 3, "nodes:any", [[0, 1, 2]]),
        ([(1, 10.0), (1, 10.0, (0,)), (1, 10.0, (0,)), (1, 10.0, (1, 2))], "count:max", [[0], [1], [2], [3]]),
        ([(1, 0.0)], "duration:60", [[0]]),
        ([(1, 0.0)] * 5, "count:1", [[0, 1, 2, 3, 4]]),
        ([], "count:0", []),
        ([], "layout:atomic", []),
    ],
)
def test_documented_cases(rows: list[tuple[int, float]], text: str, expected: list[list[int]]) -> None:
    """Small sets whose batches are known."""
    assert [list(batch.tasks) for batch in partition(make(rows), PARSE(text))] == expected


@pytest.mark.parametrize(("count", "batches"), [(8, 1), (16, 2), (80, 10)])
def test_equal_jobs_fill_batches_exactly(count: int, batches: int) -> None:
    """Jobs of the target's length and 8 cpus: eight of one cpu make a batch."""
    assert len(partition(make([(1, 10.0)] * count), PARSE("duration:10"))) == batches


def test_count_zero_is_refused_when_there_is_a_job() -> None:
    """`count:0` parses, and only partitioning a job with it fails."""
    with pytest.raises(InputError, match="count:0"):
        partition(make([(1, 1.0)]), PARSE("count:0"))


def test_a_count_below_the_depth_is_refused() -> None:
    """A chain of three cannot be two flat batches; the message says what can."""
    with pytest.raises(InputError, match="write count:3 or more"):
        partition(make(CHAIN), PARSE("count:2"))


@pytest.mark.parametrize("text", ["", "count:max", "layout:atomic", "layout:atomic,count:2"])
def test_a_cycle_is_refused(text: str) -> None:
    """Cyclic dependencies are an input error for every layout but one batch a job, where they are one, too."""
    with pytest.raises(InputError, match="cycle"):
        partition(make([(1, 1.0, (1,)), (1, 1.0, (0,))]), PARSE(text))


def test_a_long_job_does_not_inflate_others() -> None:
    """Only the batch that holds the long job is longer than the target."""
    problem = make([(1, 60.0)] * 400 + [(1, 5000.0)])
    lengths = sorted(simulate(problem, batch.tasks).length for batch in partition(problem, PARSE("duration:600")))
    assert lengths[-1] == 5000.0
    assert lengths[-2] <= 600.0 if len(lengths) > 1 else True


def test_a_long_component_stays_alone() -> None:
    """Atomic with duration: what is longer than the target gets nothing beside it."""
    problem = make([(1, 500.0), (1, 500.0, (0,)), *[(1, 10.0)] * 20])
    batches = partition(problem, PARSE("layout:atomic,duration:600"))
    assert [batch.tasks for batch in batches if batch.too_long] == [(0, 1)]


def lognormal(count: int, family: int, seed: int = 7) -> Problem:
    """Return jobs like those of real trees; inside each family of some size, jobs depend on earlier ones."""
    random_ = random.Random(seed)  # noqa: S311 - the same numbers every time
    rows = []
    for number in range(count):
        inside = number % family
        near = (
            {number - 1 - random_.randrange(min(inside, 4)) for _ in range(random_.choice((0, 1, 2)))} if inside else ()
        )
        runtime = min(max(60 * random_.lognormvariate(0, 1.2), 0.1), 6000.0)
        rows.append((random_.choices((1, 2, 4, 8), (70, 15, 10, 5))[0], runtime, tuple(sorted(near))))
    return make(rows)


@pytest.mark.parametrize("family", [1, 12])
def test_few_batches_for_a_duration(family: int) -> None:
    """No more than 1.05 times the nominal number of batches, with and without dependencies."""
    problem = lognormal(4000, family)
    spec = PARSE("duration:1800")
    batches = partition(problem, spec)
    check(problem, batches, spec)
    assert len(batches) <= 1.05 * nominal_batches(problem, 1800.0, "flat")


@pytest.mark.parametrize("count", [8, 16, 32])
def test_balanced_counts(count: int) -> None:
    """On independent jobs the longest batch is within 2 % of the lower bound."""
    problem = lognormal(3000, 1)
    batches = partition(problem, PARSE(f"count:{count}"))
    longest = max(simulate(problem, batch.tasks).length for batch in batches)
    assert longest <= 1.02 * length_bound(problem, count, problem.runtimes)


def test_counts_with_dependencies_keep_chains_short() -> None:
    """With slack among the jobs, neither the longest batch nor the chain of batches grows out of hand."""
    problem = lognormal(3000, 8)
    batches = partition(problem, PARSE("count:32"))
    lengths = [simulate(problem, batch.tasks).length for batch in batches]
    assert max(lengths) <= 1.25 * length_bound(problem, 32, problem.runtimes)
    assert critical_path(lengths, links(problem, batches)) <= 0.5 * sum(lengths)


def test_long_chains_need_no_recursion() -> None:
    """A chain of 4 000 jobs: flat it is as many batches, atomic it is one."""
    problem = make([(1, 1.0, (number - 1,) if number else ()) for number in range(4_000)])
    flat = partition(problem, PARSE("duration:60"))
    assert len(flat) == 4_000
    assert links(problem, flat) == [(), *((number,) for number in range(3_999))]
    assert len(partition(problem, PARSE("layout:atomic"))) == 1


def test_tiny_jobs_without_number() -> None:
    """Thousands of one-second jobs are packed, not recursed into."""
    problem = make([(1, 1.0)] * 3000)
    assert len(partition(problem, PARSE("duration:1800"))) == 1


def test_exclusive_jobs_run_alone() -> None:
    """Exclusive jobs and jobs on several nodes count with all of the batch."""
    tasks = [Task(f"j{number}", (1,), 10.0, exclusive=number % 2 == 0, nodes=1 + number % 2) for number in range(6)]
    problem = Problem.of(("cpus",), (8,), tasks)
    assert nominal_batches(problem, 10.0, "flat") == 6
    assert len(partition(problem, PARSE("duration:10"))) == 6
    assert simulate(problem, range(6)).length == 60.0


def test_nominal_counts_depth_and_the_scarcest_type() -> None:
    """The nominal number is that of the type with the most work, and with flat at least the depth."""
    tasks = [Task(f"j{number}", (1, 1), 10.0) for number in range(8)]
    problem = Problem.of(("cpus", "gpus"), (8, 2), tasks)
    assert nominal_batches(problem, 10.0, "flat") == 4
    assert nominal_batches(make(CHAIN), 1800.0, "flat") == 3
    assert nominal_batches(make(CHAIN), 1800.0, "atomic") == 1
    assert nominal_batches(make([]), 1800.0, "flat") == 0


def test_counts_of_jobs_without_any_work() -> None:
    """Jobs that take no time and no limited resource still make batches, one a level at the least."""
    tasks = [Task("a", (0,), 0.0), Task("b", (0,), 0.0, (0,)), Task("c", (0,), 1.0)]
    problem = Problem.of(("cpus",), (8,), tasks)
    for text in ("count:2", "count:2,nodes:same"):
        spec = PARSE(text)
        check(problem, partition(problem, spec), spec)
