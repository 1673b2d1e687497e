"""Keeps the jobs of a CTest fixture (set-up, tests, clean-up) in one batch, because a set-up may start a server.

A process that a set-up leaves running ends with its batch. Whether a set-up leaves a process is unknown before it runs,
so the jobs of a fixture are partitioned as one item if they fit. They always fit on this machine, where a batch has all
CPUs. On a cluster they fit if together they are not longer than the target of a batch. `fixture_warnings` reports
fixtures that do not fit.
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
    """Return the batches of `problem` by `spec`, with the jobs of a fixture in one batch if they fit.

    `alike` returns equal values for jobs that may share a batch. Raises InputError as `partition` does.
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
    batches = partition(_contracted(problem, members), spec)
    return [
        PackedBatch(tuple(task for item in batch.tasks for task in members[item]), batch.too_long) for batch in batches
    ]


def _longest(problem: Problem, spec: BatchSpecification) -> float:
    """Return the longest allowed schedule of the jobs of a fixture, in seconds."""
    if spec.duration is not None:
        return spec.duration
    return length_bound(problem, int(spec.count), problem.runtimes) if spec.count != 1 else float("inf")


def _fixtures(jobs: Sequence[JobSpec]) -> dict[str, Group]:
    """Return the indexes of the jobs of each fixture that has several jobs."""
    found: dict[str, set[int]] = {}
    for position, job in enumerate(jobs):
        for fixture in job.fixtures:
            found.setdefault(fixture, set()).add(position)
    return {name: frozenset(places) for name, places in sorted(found.items()) if len(places) > 1}


def _joined(fixtures: Iterable[Group], fits: Callable[[Group], bool]) -> list[Group]:
    """Return the groups that fit. Fixtures with a common job are joined if they fit together, else dropped."""
    found: list[Group] = []
    for together in _connected(fixtures):
        whole = frozenset[int]().union(*together)
        found += [whole] if fits(whole) else _joined_one_by_one(together, fits)
    return found


def _connected(fixtures: Iterable[Group]) -> Iterator[list[Group]]:
    """Yield lists of fixtures that are connected by common jobs."""
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
    """Return `groups` extended by the jobs between two jobs of one group, so that a group never waits for itself.

    A group that then does not fit is dropped.
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
    """Return the tasks of each item: the tasks of a group, or one task that is in no group."""
    tied = {task for group in groups for task in group}
    alone = [(task,) for task in range(len(problem)) if task not in tied]
    return [*(tuple(sorted(group)) for group in groups), *alone]


def _edges(problem: Problem, members: Sequence[tuple[int, ...]]) -> list[list[int]]:
    """Return for each item the other items that it waits for."""
    item_of = {task: item for item, tasks in enumerate(members) for task in tasks}
    needed = ((item_of[other] for task in tasks for other in problem.dependencies[task]) for tasks in members)
    return [sorted({other for other in others if other != item}) for item, others in enumerate(needed)]


def _tangles(problem: Problem, groups: Sequence[Group]) -> Iterator[set[int]]:
    """Yield the tasks of items that wait for one another (Tarjan's algorithm without recursion)."""
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
                    position = path.index(item)
                    found, path = path[position:], path[:position]
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
    demand = tuple(schedule.peak[resource_type] for resource_type in problem.types)
    return Task(name, demand, schedule.length, needed, nodes, exclusive=any(shape.whole for shape in shapes))


def fixture_warnings(plan: Plan) -> Iterator[str]:
    """Yield a warning if fixtures are spread over several batches."""
    batches: dict[str, set[str]] = {}
    for job in plan.jobs:
        for fixture in job.fixtures:
            batches.setdefault(fixture, set()).add(job.batch)
    split = [name.partition("@")[0] for name, ids in batches.items() if len(ids) > 1]
    if split:
        many = len(split) > 1
        subject = f"{count(len(split), 'fixture')} of CTest ({some(sorted(split))}) {'are' if many else 'is'}"
        yield (
            f"{subject} spread over several batches: what a set-up leaves running, such as a server, ends with its "
            "batch; if that matters, plan with -b spec=layout:atomic"
        )
