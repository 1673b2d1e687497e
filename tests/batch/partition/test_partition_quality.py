"""How good partitions are: the number of batches, their balance, the chains of batches, and how little changes."""

import random

import pytest
from batch_problems import links, make

from canary_wf.batch.cluster_simulator import critical_path
from canary_wf.batch.partition import PackedBatch, length_bound, nominal_batches, partition
from canary_wf.batch.problem import Problem, Task
from canary_wf.batch.reference_schedule import simulate
from canary_wf.batch.specification import BatchSpecification

PARSE = BatchSpecification.parse


def chain(problem: Problem, batches: list[PackedBatch]) -> float:
    """Return the longest chain of batches in seconds."""
    lengths = [simulate(problem, batch.tasks).length for batch in batches]
    return critical_path(lengths, links(problem, batches))


def drawn(count: int, family: int, seed: int, longest: float = 6000.0) -> Problem:
    """Return seeded jobs of lognormal run times; with a family above 1, some depend on the one before."""
    random_ = random.Random(seed)  # noqa: S311 - the same numbers every time
    rows = []
    for number in range(count):
        before = (number - 1,) if number % family and random_.random() < 0.6 else ()
        runtime = min(max(60 * random_.lognormvariate(0, 1.2), 0.1), longest)
        rows.append((random_.choices((1, 2, 4, 8), (70, 15, 10, 5))[0], runtime, before))
    return make(rows)


@pytest.mark.parametrize("count", [3000, 6000])
def test_room_among_the_batches_is_spent_on_short_chains(count: int) -> None:
    """With the usual allowance the chain of batches is shorter than where every batch is filled."""
    problem = drawn(count, 9, seed=3, longest=1500.0)
    nominal = nominal_batches(problem, 1800.0, "flat")
    batches = partition(problem, PARSE("duration:1800"))
    assert len(batches) <= 1.05 * nominal
    depth = max(level(problem))
    assert chain(problem, batches) < 0.96 * 1800.0 * depth


def level(problem: Problem) -> list[int]:
    """Return for each job the number of jobs on the longest chain that ends with it."""
    found: list[int] = []
    for dependencies in problem.dependencies:
        found.append(1 + max((found[other] for other in dependencies), default=0))
    return found


def test_small_sets_are_near_the_nominal_number() -> None:
    """Forty jobs of up to the target's length: on average 1.05 times the nominal number, found among several orders."""
    problems = [drawn(40, 1, seed, longest=300.0) for seed in range(20)]
    made = sum(len(partition(problem, PARSE("duration:300"))) for problem in problems)
    assert made <= 1.05 * sum(nominal_batches(problem, 300.0, "flat") for problem in problems)


@pytest.mark.long
def test_small_counts_are_balanced() -> None:
    """Forty jobs in two batches: the longer one is within 9 % of the bound on average, however wide the jobs."""
    ratios = []
    for seed in range(20):
        problem = drawn(40, 1, seed, longest=300.0)
        longest = max(simulate(problem, batch.tasks).length for batch in partition(problem, PARSE("count:2")))
        ratios.append(longest / length_bound(problem, 2, problem.runtimes))
    assert sum(ratios) <= 1.09 * len(ratios)


def two_resources(count: int) -> Problem:
    """Return seeded jobs of CPUs and GPUs, both about equally scarce."""
    random_ = random.Random(11)  # noqa: S311 - the same numbers every time
    tasks = [
        Task(
            f"j{number:05}",
            (random_.choices((1, 2, 4, 8), (70, 15, 10, 5))[0], random_.choice((0, 0, 1, 2))),
            min(max(60 * random_.lognormvariate(0, 1.2), 0.1), 1800.0),
        )
        for number in range(count)
    ]
    return Problem.of(("cpus", "gpus"), (8, 4), tasks)


def test_cpus_and_gpus_are_packed_together() -> None:
    """Batches are within 6 % of what can be: jobs of all CPUs block the GPUs, which the nominal number leaves out."""
    problem = two_resources(4000)
    least = length_bound(problem, 1, ()) / 1800.0
    assert len(partition(problem, PARSE("duration:1800"))) <= 1.06 * least


@pytest.mark.parametrize("count", [4, 16, 64])
def test_counts_on_cpus_and_gpus_are_balanced(count: int) -> None:
    """With two scarce resources, the longest of N batches is within 6 % of the bound."""
    problem = two_resources(4000)
    longest = max(simulate(problem, batch.tasks).length for batch in partition(problem, PARSE(f"count:{count}")))
    assert longest <= 1.06 * length_bound(problem, count, problem.runtimes)


def test_the_bound_knows_who_must_be_alone() -> None:
    """A job that takes all cpus keeps the gpus idle, so it counts for both in the lower bound."""
    tasks = [Task("wide", (8, 0), 10.0), Task("gpu", (1, 4), 10.0)]
    problem = Problem.of(("cpus", "gpus"), (8, 4), tasks)
    assert length_bound(problem, 1, problem.runtimes) == 20.0


def test_one_job_more_changes_few_batches() -> None:
    """On a set of independent jobs with one scarce resource, most batches stay what they were."""
    problem = drawn(10_000, 1, seed=5, longest=1500.0)
    rows = [
        (int(problem.shapes[kind].demand[0]), seconds)
        for kind, seconds in zip(problem.shape_of, problem.runtimes, strict=True)
    ]
    before = {batch.tasks for batch in partition(problem, PARSE("duration:1800"))}
    after = {batch.tasks for batch in partition(make([*rows, (1, 60.0)]), PARSE("duration:1800"))}
    assert len(after - before) <= 0.2 * len(after)


def by_levels(problem: Problem, count: int) -> list[list[int]]:
    """Return batches shared out over the levels in proportion to their work, heaviest first."""
    levels: list[list[int]] = [[] for _ in range(max(level(problem)))]
    shares = [problem.shapes[kind].demand[0] / 8 for kind in problem.shape_of]
    weight = [share * seconds for share, seconds in zip(shares, problem.runtimes, strict=True)]
    place = level(problem)
    for task in sorted(range(len(problem)), key=lambda task: (-weight[task], problem.ids[task])):
        levels[place[task] - 1].append(task)
    exact = [(count - len(levels)) * sum(weight[task] for task in tasks) / sum(weight) for tasks in levels]
    counts = [1 + int(share) for share in exact]
    for at in sorted(range(len(levels)), key=lambda at: int(exact[at]) - exact[at])[: count - sum(counts)]:
        counts[at] += 1
    batches = []
    for tasks, has in zip(levels, counts, strict=True):
        made: list[list[int]] = [[] for _ in range(has)]
        for task in tasks:
            min(made, key=lambda batch: sum(weight[other] for other in batch)).append(task)
        batches += [batch for batch in made if batch]
    return batches


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("family", "count"), [(9, 16), (9, 40), (30, 64), (1200, 64)])
def test_counts_are_no_worse_than_sharing_by_level(seed: int, family: int, count: int) -> None:
    """Neither the longest batch nor the chain of batches is longer than where levels get batches by their work."""
    problem = drawn(1200, family, seed)
    batches = partition(problem, PARSE(f"count:{count}"))
    plain = by_levels(problem, count)
    owner = {task: number for number, batch in enumerate(plain) for task in batch}
    links = [sorted({owner[other] for task in batch for other in problem.dependencies[task]}) for batch in plain]
    lengths = [simulate(problem, batch).length for batch in plain]
    assert len(batches) <= count
    assert max(simulate(problem, batch.tasks).length for batch in batches) <= max(lengths) * (1 + 1e-9)
    assert chain(problem, batches) <= critical_path(lengths, links) * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("count", [4, 10])
def test_counts_are_balanced_with_exclusive_jobs(seed: int, count: int) -> None:
    """On a thousand independent jobs, a tenth of them exclusive, the longest batch is within 2 % of the bound."""
    random_ = random.Random(seed)  # noqa: S311 - the same numbers every time
    tasks = [
        Task(
            f"j{number:05}",
            (random_.choices((1, 2, 4, 8), (70, 15, 10, 5))[0],),
            min(max(60 * random_.lognormvariate(0, 1.2), 0.1), 3000.0),
            exclusive=random_.random() < 0.1,
        )
        for number in range(1000)
    ]
    problem = Problem.of(("cpus",), (8,), tasks)
    longest = max(simulate(problem, batch.tasks).length for batch in partition(problem, PARSE(f"count:{count}")))
    assert longest <= 1.02 * length_bound(problem, count, problem.runtimes)
