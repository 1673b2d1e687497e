"""Jobs as the partitioner, the simulator and the runner's schedule see them: numbers aligned with resource types."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from canary_wf.batch.task import Problem, Task
from canary_wf.job.spec import DependencyEdge

MEMORY = "memory"


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
    def exclusive(self) -> bool: ...
    @property
    def dependencies(self) -> tuple[DependencyEdge, ...]: ...


def demand_of(job: _Job) -> dict[str, int]:
    """Return what `job` asks for, in slots by type and MiB of memory (0 when it does not say)."""
    return {"cpus": job.cpus, "gpus": job.gpus, **job.resources, MEMORY: job.memory or 0}


def problem_of(jobs: Sequence[_Job], runtimes: Sequence[float], node: Mapping[str, int | None]) -> Problem:
    """Return the problem of `jobs` with expected `runtimes` (seconds) on nodes that offer `node`.

    Dependencies on jobs that are not among `jobs` are taken as done. A type that `node` lacks is unlimited.
    """
    types = sorted({kind for job in jobs for kind in demand_of(job)})
    index = {job.id: place for place, job in enumerate(jobs)}
    tasks = (
        Task(
            id=job.id,
            demand=tuple(demand_of(job).get(kind, 0) for kind in types),
            runtime=runtime,
            dependencies=tuple(index[edge.job] for edge in job.dependencies if edge.job in index),
            nodes=job.nodes,
            exclusive=job.exclusive,
        )
        for job, runtime in zip(jobs, runtimes, strict=True)
    )
    return Problem.of(types, [node.get(kind) for kind in types], tasks)
