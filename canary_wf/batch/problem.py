"""Jobs as numbers, for the partitioner, the simulator and the runner's schedule.

A job is a `Task` here, and a set of tasks on equal nodes is a `Problem`. Demands are numbers aligned with resource
types. `canary_wf.resources` knows what a resource is and which ids it has.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Self

import msgspec

from canary_wf.batch.reference_order import upstream_places
from canary_wf.errors import InputError
from canary_wf.spec.job_spec import JobSpec
from canary_wf.wording import amount

Demand = tuple[float, ...]


class Task(msgspec.Struct, frozen=True, gc=False):
    """One job as the partitioner sees it.

    `demand` has the slots of each type, in the order of the problem's types (memory in MiB). `runtime` is in seconds.
    `dependencies` are indexes of other tasks of the problem. A task that is `exclusive` or has more than one of
    `nodes` takes everything.
    """

    id: str
    demand: Demand
    runtime: float
    dependencies: tuple[int, ...] = ()
    nodes: int = 1
    exclusive: bool = False


class Shape(msgspec.Struct, frozen=True):
    """The resources that equal tasks take: slots of each type, and whether nothing else may run beside them."""

    demand: Demand
    whole: bool = False


class Problem(msgspec.Struct, frozen=True):
    """Tasks and the node they run on, stored as columns so that a million tasks stay small.

    `types` are names of resource types, `capacity` the slots of each on one node (memory in MiB; None: unlimited or
    unknown). `shapes` are the distinct shapes of tasks. The other fields have one entry for each task; `shape_of` are
    indexes into `shapes`. Make one with `Problem.of`.
    """

    types: tuple[str, ...]
    capacity: tuple[float | None, ...]
    shapes: tuple[Shape, ...]
    ids: list[str]
    shape_of: list[int]
    runtimes: list[float]
    dependencies: list[tuple[int, ...]]
    nodes: list[int]

    @classmethod
    def of(cls, types: Iterable[str], capacity: Iterable[float | None], tasks: Iterable[Task]) -> Self:
        """Return the problem of `tasks` on nodes with `capacity` of `types`.

        Raises InputError for a run time that is negative or not finite, for a task that does not fit on a node, for an
        id that occurs twice, and for a dependency that does not exist.
        """
        types, capacity = tuple(types), tuple(capacity)
        if len(types) != len(capacity):
            raise InputError(f"{len(types)} resource types but {len(capacity)} capacities")
        shapes: dict[Shape, int] = {}
        index_of: dict[tuple[Demand, bool], int] = {}
        columns = cls(types, capacity, (), [], [], [], [], [])
        for task in tasks:
            whole = task.exclusive or task.nodes > 1
            index = index_of.get((task.demand, whole))
            if index is None:
                shape = _shape(task, whole=whole, types=types, capacity=capacity)
                index = index_of[task.demand, whole] = shapes.setdefault(shape, len(shapes))
            if not (task.runtime >= 0 and math.isfinite(task.runtime)):
                raise InputError(f"run time {task.runtime} is not a number of seconds", where=f"job {task.id}")
            columns.ids.append(task.id)
            columns.shape_of.append(index)
            columns.runtimes.append(float(task.runtime))
            columns.dependencies.append(tuple(dict.fromkeys(task.dependencies)) if task.dependencies else ())
            columns.nodes.append(task.nodes)
        _check_references(columns)
        return msgspec.structs.replace(columns, shapes=tuple(shapes))

    def __len__(self) -> int:
        return len(self.ids)


def _shape(task: Task, *, whole: bool, types: tuple[str, ...], capacity: tuple[float | None, ...]) -> Shape:
    if len(task.demand) != len(types):
        raise InputError(f"{len(task.demand)} demands for {len(types)} resource types", where=f"job {task.id}")
    for name, requested, available in zip(types, task.demand, capacity, strict=True):
        if not (requested >= 0 and math.isfinite(requested)):
            raise InputError(
                f"demand of {requested} {name} must be a finite number, zero or more", where=f"job {task.id}"
            )
        if available is not None and requested > available and task.nodes <= 1:
            hint = "leave the job out or describe a larger node"
            raise InputError(
                f"needs {amount(requested, name)}, a node has {available:g}", where=f"job {task.id}", hint=hint
            )
    if not whole:
        return Shape(task.demand)
    everything = zip(task.demand, capacity, strict=True)
    return Shape(
        tuple(requested if available is None else available for requested, available in everything), whole=True
    )


def _check_references(problem: Problem) -> None:
    if len(set(problem.ids)) != len(problem):
        seen: set[str] = set()
        twice = next(identity for identity in problem.ids if identity in seen or seen.add(identity))  # type: ignore[func-returns-value]
        raise InputError("two jobs have this id", where=f"job {twice}")
    for identity, dependencies in zip(problem.ids, problem.dependencies, strict=True):
        for upstream in dependencies:
            if not 0 <= upstream < len(problem):
                raise InputError(f"depends on task number {upstream}, which does not exist", where=f"job {identity}")


MEMORY = "memory"

LOCK = "lock:"
"""Prefix of a lock's name among resource types. A lock has one slot."""


def demand_of(job: JobSpec) -> dict[str, int]:
    """Return the resource request of `job`: slots by type, and MiB of memory (0 if it does not say)."""
    return {**job.requested, MEMORY: job.memory or 0}


def problem_of(jobs: Sequence[JobSpec], runtimes: Sequence[float], node: Mapping[str, int | None]) -> Problem:
    """Return the problem of `jobs` with expected `runtimes` (seconds) on nodes that offer `node`.

    Dependencies on jobs outside `jobs` count as done. A type that `node` lacks is unlimited. A lock that several jobs
    take becomes a resource type with one slot.
    """
    holders = Counter(lock for job in jobs for lock in job.locks)
    contested = {lock for lock, count in holders.items() if count > 1}
    demands = [demand_of(job) | {LOCK + lock: 1 for lock in job.locks if lock in contested} for job in jobs]
    types = sorted({name for demand in demands for name in demand})
    capacities = {**node, **{LOCK + lock: 1 for lock in contested}}
    tasks = (
        Task(
            id=job.id,
            demand=tuple([demand.get(name, 0) for name in types]),
            runtime=runtime,
            dependencies=upstreams,
            nodes=job.nodes,
            exclusive=job.exclusive,
        )
        for job, demand, runtime, upstreams in zip(jobs, demands, runtimes, upstream_places(jobs), strict=True)
    )
    return Problem.of(types, [capacities.get(name) for name in types], tasks)
