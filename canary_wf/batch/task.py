"""What partitioning and simulation know of jobs: ids, demands, expected run times and dependencies.

A job here is a `Task`, a set of them on nodes of one shape a `Problem`. Both speak of numbers only: what a resource
is and which ids it has is the business of `canary_wf.resources`.
"""

import math
from collections.abc import Iterable
from typing import Self

import msgspec

from canary_wf.errors import InputError
from canary_wf.wording import amount

Demand = tuple[float, ...]


class Task(msgspec.Struct, frozen=True, gc=False):
    """One job as the partitioner sees it.

    `demand` are slots of each type of the problem, in its order (memory in MiB); `runtime` seconds; `dependencies`
    indexes of other tasks of the problem. A task that is `exclusive` or has more than one of `nodes` takes everything.
    """

    id: str
    demand: Demand
    runtime: float
    dependencies: tuple[int, ...] = ()
    nodes: int = 1
    exclusive: bool = False


class Shape(msgspec.Struct, frozen=True):
    """What tasks of one kind take of a batch: slots of each type, and whether nothing else may run beside them."""

    demand: Demand
    whole: bool = False


class Problem(msgspec.Struct, frozen=True):
    """Tasks and the node they run on, as columns, so that a million tasks stay small.

    `types` are names, `capacity` the slots of each on one node (memory in MiB; None: unlimited or unknown). The other
    fields have one entry a task; `kinds` are indexes into `shapes`. Make one with `Problem.of`.
    """

    types: tuple[str, ...]
    capacity: tuple[float | None, ...]
    shapes: tuple[Shape, ...]
    ids: list[str]
    kinds: list[int]
    runtimes: list[float]
    dependencies: list[tuple[int, ...]]
    nodes: list[int]

    @classmethod
    def of(cls, types: Iterable[str], capacity: Iterable[float | None], tasks: Iterable[Task]) -> Self:
        """Return the problem of `tasks` on nodes with `capacity` of `types`.

        Raises InputError for a run time that is not a number from zero up, for a task that fits on no node, for an
        id that occurs twice, and for a dependency that is not there.
        """
        types, capacity = tuple(types), tuple(capacity)
        if len(types) != len(capacity):
            raise InputError(f"{len(types)} resource types but {len(capacity)} capacities")
        shapes: dict[Shape, int] = {}
        known: dict[tuple[Demand, bool], int] = {}
        columns = cls(types, capacity, (), [], [], [], [], [])
        for task in tasks:
            whole = task.exclusive or task.nodes > 1
            kind = known.get((task.demand, whole))
            if kind is None:
                shape = _shape(task, whole=whole, types=types, capacity=capacity)
                kind = known[task.demand, whole] = shapes.setdefault(shape, len(shapes))
            if not (task.runtime >= 0 and math.isfinite(task.runtime)):
                raise InputError(f"run time {task.runtime} is not a number of seconds", where=f"job {task.id}")
            columns.ids.append(task.id)
            columns.kinds.append(kind)
            columns.runtimes.append(float(task.runtime))
            columns.dependencies.append(tuple(dict.fromkeys(task.dependencies)))
            columns.nodes.append(task.nodes)
        _check_references(columns)
        return msgspec.structs.replace(columns, shapes=tuple(shapes))

    def __len__(self) -> int:
        return len(self.ids)


def _shape(task: Task, *, whole: bool, types: tuple[str, ...], capacity: tuple[float | None, ...]) -> Shape:
    if len(task.demand) != len(types):
        raise InputError(f"{len(task.demand)} demands for {len(types)} resource types", where=f"job {task.id}")
    for name, wanted, there in zip(types, task.demand, capacity, strict=True):
        if not (wanted >= 0 and math.isfinite(wanted)):
            raise InputError(f"demand of {wanted} {name} is not a number from zero up", where=f"job {task.id}")
        if there is not None and wanted > there and task.nodes <= 1:
            hint = "leave the job out or describe a larger node"
            raise InputError(f"needs {amount(wanted, name)}, a node has {there:g}", where=f"job {task.id}", hint=hint)
    if not whole:
        return Shape(task.demand)
    everything = zip(task.demand, capacity, strict=True)
    return Shape(tuple(wanted if there is None else there for wanted, there in everything), whole=True)


def _check_references(problem: Problem) -> None:
    if len(set(problem.ids)) != len(problem):
        seen: set[str] = set()
        twice = next(identity for identity in problem.ids if identity in seen or seen.add(identity))  # type: ignore[func-returns-value]
        raise InputError("two jobs have this id", where=f"job {twice}")
    for identity, dependencies in zip(problem.ids, problem.dependencies, strict=True):
        for upstream in dependencies:
            if not 0 <= upstream < len(problem):
                raise InputError(f"depends on task number {upstream}, which is not there", where=f"job {identity}")
