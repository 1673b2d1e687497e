"""Jobs as the partitioner, the simulator and the runner's schedule see them: numbers aligned with resource types."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

from canary_wf.batch.task import Problem, Task
from canary_wf.spec.job_spec import DependencyEdge

MEMORY = "memory"

LOCK = "lock:"
"""What the name of a lock has in front where it stands among resource types; there is one slot of each."""


class _Job(Protocol):
    """What is needed of a job spec or a planned job."""

    @property
    def id(self) -> str: ...
    @property
    def cpus(self) -> int: ...
    @property
    def gpus(self) -> int: ...
    @property
    def nodes(self) -> int: ...
    @property
    def memory(self) -> int | None: ...
    @property
    def resources(self) -> dict[str, int]: ...
    @property
    def locks(self) -> tuple[str, ...]: ...
    @property
    def exclusive(self) -> bool: ...
    @property
    def dependencies(self) -> tuple[DependencyEdge, ...]: ...


def demand_of(job: _Job) -> dict[str, int]:
    """Return what `job` asks for, in slots by type and MiB of memory (0 when it does not say)."""
    return {"cpus": job.cpus, "gpus": job.gpus, **job.resources, MEMORY: job.memory or 0}


def problem_of(jobs: Sequence[_Job], runtimes: Sequence[float], node: Mapping[str, int | None]) -> Problem:
    """Return the problem of `jobs` with expected `runtimes` (seconds) on nodes that offer `node`.

    Dependencies on jobs that are not among `jobs` are taken as done. A type that `node` lacks is unlimited. A lock that
    several jobs take is a type of its own, with one slot.
    """
    holders = Counter(lock for job in jobs for lock in job.locks)
    contested = {lock for lock, count in holders.items() if count > 1}
    demands = [demand_of(job) | {LOCK + lock: 1 for lock in job.locks if lock in contested} for job in jobs]
    types = sorted({kind for demand in demands for kind in demand})
    capacities = {**node, **{LOCK + lock: 1 for lock in contested}}
    index = {job.id: place for place, job in enumerate(jobs)}
    tasks = (
        Task(
            id=job.id,
            demand=tuple(demand.get(kind, 0) for kind in types),
            runtime=runtime,
            dependencies=tuple(index[edge.job] for edge in job.dependencies if edge.job in index),
            nodes=job.nodes,
            exclusive=job.exclusive,
        )
        for job, demand, runtime in zip(jobs, demands, runtimes, strict=True)
    )
    return Problem.of(types, [capacities.get(kind) for kind in types], tasks)
