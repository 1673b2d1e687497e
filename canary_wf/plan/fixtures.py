"""Fixtures of CTest: set-up, the tests that need it and clean-up belong into one batch, as a set-up may start a server.

What it leaves running ends with its batch. Whether it leaves anything is not known before it runs, so the jobs of a
fixture are partitioned as if they were one, where they fit: always on this machine, where a batch has all CPUs there
are; on a cluster when together they are no longer than a batch is meant to be. Where they do not fit, that is told.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from canary_wf.batch.partition import PackedBatch, length_bound, partition
from canary_wf.batch.problem import Problem, Task
from canary_wf.batch.reference_schedule import simulate
from canary_wf.batch.specification import BatchSpecification
from canary_wf.plan.model import Plan
from canary_wf.spec.job_spec import JobSpec
from canary_wf.wording import count, some

Group = frozenset[int]


def partition_with_fixtures(
    problem: Problem, jobs: Sequence[JobSpec], spec: BatchSpecification, *, local: bool, alike: Callable[[int], object]
) -> list[PackedBatch]:
    """Return the batches of `problem` by `spec`, the jobs of a fixture in one where they fit.

    `alike` is the same for jobs that may share a batch. Raises InputError as `partition` does.
    """
    fixtures = _fixtures(jobs)
    if spec.layout == "atomic" or spec.count == "max" or not fixtures:
        return partition(problem, spec)

    def fits(group: Group) -> bool:
        if len({alike(task) for task in group}) > 1 or len({problem.nodes[task] for task in group}) > 1:
            return False
        return local or simulate(problem, sorted(group)).length <= _longest(problem, spec)

    groups = _acyclic(problem, _joined(fixtures.values(), fits), fits)
    if not groups:
        return partition(problem, spec)
    members = _members(problem, groups)
    parts = partition(_contracted(problem, members), spec)
    return [
        PackedBatch(tuple(task for item in part.tasks for task in members[item]), part.dependencies, part.too_long)
        for part in parts
    ]


def _longest(problem: Problem, spec: BatchSpecification) -> float:
    """Return the seconds that the jobs of a fixture may take together."""
    if spec.duration is not None:
        return spec.duration
    return length_bound(problem, int(spec.count), problem.runtimes) if spec.count != 1 else float("inf")


def _fixtures(jobs: Sequence[JobSpec]) -> dict[str, Group]:
    """Return the places of the jobs of each fixture that has several."""
    found: dict[str, set[int]] = {}
    for place, job in enumerate(jobs):
        for fixture in job.fixtures:
            found.setdefault(fixture, set()).add(place)
    return {name: frozenset(places) for name, places in sorted(found.items()) if len(places) > 1}


def _joined(fixtures: Iterable[Group], fits: Callable[[Group], bool]) -> list[Group]:
    """Return the groups that fit, fixtures with a job in common joined; one that does not fit with others is left."""
    found: list[Group] = []
    for together in _connected(fixtures):
        whole = frozenset[int]().union(*together)
        found += [whole] if fits(whole) else _joined_one_by_one(together, fits)
    return found


def _connected(fixtures: Iterable[Group]) -> Iterator[list[Group]]:
    """Yield the fixtures in lists: those that have a job in common, directly or through others, in one."""
    of_task: dict[int, list[Group]] = {}
    for fixture in fixtures:
        for task in fixture:
            of_task.setdefault(task, []).append(fixture)
    seen: set[Group] = set()
    for start in list(of_task):
        todo = [each for each in dict.fromkeys(of_task.get(start, ())) if each not in seen]
        if not todo:
            continue
        seen.update(todo)
        found: list[Group] = []
        while todo:
            fixture = todo.pop()
            found.append(fixture)
            for task in fixture:
                further = [each for each in dict.fromkeys(of_task.pop(task, ())) if each not in seen]
                seen.update(further)
                todo += further
        yield found


def _joined_one_by_one(fixtures: Iterable[Group], fits: Callable[[Group], bool]) -> list[Group]:
    group_of: dict[int, Group] = {}
    for fixture in sorted(fixtures, key=len):
        joined = fixture.union(*(group_of[task] for task in fixture if task in group_of))
        if fits(joined):
            group_of.update(dict.fromkeys(joined, joined))
    return list(dict.fromkeys(group_of.values()))


def _acyclic(problem: Problem, groups: list[Group], fits: Callable[[Group], bool]) -> list[Group]:
    """Return `groups` with the jobs that lie between two of one group, so that none waits for itself.

    One that does not fit then is given up.
    """
    while True:
        tangled = next(iter(_tangles(problem, groups)), None)
        if tangled is None:
            return groups
        whole = frozenset(tangled)
        groups = [group for group in groups if whole.isdisjoint(group)]
        if fits(whole):
            groups.append(whole)


def _members(problem: Problem, groups: Iterable[Group]) -> list[tuple[int, ...]]:
    """Return the tasks of each item: of a group, or the one task that is in none."""
    tied = {task for group in groups for task in group}
    alone = [(task,) for task in range(len(problem)) if task not in tied]
    return [*(tuple(sorted(group)) for group in groups), *alone]


def _edges(problem: Problem, members: Sequence[tuple[int, ...]]) -> list[list[int]]:
    """Return for each item the others that it waits for."""
    item_of = {task: item for item, tasks in enumerate(members) for task in tasks}
    needed = ((item_of[other] for task in tasks for other in problem.dependencies[task]) for tasks in members)
    return [sorted({other for other in others if other != item}) for item, others in enumerate(needed)]


def _tangles(problem: Problem, groups: Sequence[Group]) -> Iterator[set[int]]:
    """Yield the tasks of items that wait for one another, by Tarjan's algorithm without recursion."""
    members = _members(problem, groups)
    needed = _edges(problem, members)
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    path: list[int] = []
    on_path: set[int] = set()
    for root in range(len(groups)):
        todo = [(root, iter(needed[root]))] if root not in index else []
        while todo:
            item, rest = todo[-1]
            if item not in index:
                index[item] = low[item] = len(index)
                path.append(item)
                on_path.add(item)
            step = next((other for other in rest if other not in index or other in on_path), None)
            if step is not None and step not in index:
                todo.append((step, iter(needed[step])))
            elif step is not None:
                low[item] = min(low[item], index[step])
            else:
                todo.pop()
                if todo:
                    low[todo[-1][0]] = min(low[todo[-1][0]], low[item])
                if low[item] == index[item]:
                    place = path.index(item)
                    found, path = path[place:], path[:place]
                    on_path.difference_update(found)
                    if len(found) > 1:
                        yield {task for each in found for task in members[each]}


def _contracted(problem: Problem, members: Sequence[tuple[int, ...]]) -> Problem:
    """Return the problem in which each item is one task, as long as its schedule and as wide as its peak."""
    tasks = (
        _task(problem, tasks, tuple(needed)) for tasks, needed in zip(members, _edges(problem, members), strict=True)
    )
    return Problem.of(problem.types, problem.capacity, tasks)


def _task(problem: Problem, tasks: tuple[int, ...], needed: tuple[int, ...]) -> Task:
    shapes = [problem.shapes[problem.shape_of[task]] for task in tasks]
    name, nodes = min(problem.ids[task] for task in tasks), problem.nodes[tasks[0]]
    if len(tasks) == 1:
        return Task(name, shapes[0].demand, problem.runtimes[tasks[0]], needed, nodes, exclusive=shapes[0].whole)
    schedule = simulate(problem, tasks)
    demand = tuple(schedule.peak[kind] for kind in problem.types)
    return Task(name, demand, schedule.length, needed, nodes, exclusive=any(shape.whole for shape in shapes))


def fixture_warnings(plan: Plan) -> Iterator[str]:
    """Yield which fixtures are spread over several batches, and what that means."""
    batches: dict[str, set[str]] = {}
    for job in plan.jobs:
        for fixture in job.fixtures:
            batches.setdefault(fixture, set()).add(job.batch)
    spread = [name.partition("@")[0] for name, where in batches.items() if len(where) > 1]
    if spread:
        many = len(spread) > 1
        told = f"{count(len(spread), 'fixture')} of CTest ({some(sorted(spread))}) {'are' if many else 'is'}"
        yield (
            f"{told} spread over several batches: what a set-up leaves running, such as a server, ends with its batch"
            "; if that matters, plan with -b spec=layout:atomic"
        )
