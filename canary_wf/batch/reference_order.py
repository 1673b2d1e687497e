"""The order in which the jobs of a batch are tried. The simulation and the runner follow it.

The job with the longest remaining path comes first: its run time plus the longest chain behind it inside the batch.
Ties are broken by id. This is list scheduling (Graham, "Bounds on multiprocessing timing anomalies", 1969); the bounded
look-ahead past a job that does not fit is `ReadyQueue`'s. The runner imports this module, so it needs no simulation.
"""

from collections.abc import Sequence
from typing import Protocol

from canary_wf.graph import topological
from canary_wf.spec.job_spec import JobSpec


class TaskColumns(Protocol):
    """The columns of tasks that their order depends on."""

    @property
    def ids(self) -> Sequence[str]:
        """Ids, which break ties."""
        ...

    @property
    def runtimes(self) -> Sequence[float]:
        """Expected run times in seconds."""
        ...

    @property
    def dependencies(self) -> Sequence[Sequence[int]]:
        """For each task the indexes of the tasks that it waits for, without duplicates."""
        ...


def reference_order(tasks: TaskColumns, members: Sequence[int]) -> list[int]:
    """Return `members` in the order in which waiting tasks are tried: longest remaining path first, ties by id."""
    by_id = sorted(members, key=tasks.ids.__getitem__)
    path = _remaining_paths(tasks, members)
    return sorted(by_id, key=lambda task: -path[task])


def _remaining_paths(tasks: TaskColumns, members: Sequence[int]) -> dict[int, float]:
    """Return for each member its run time plus that of the longest chain of members behind it, in seconds."""
    runtimes, dependencies = tasks.runtimes, tasks.dependencies
    longest = {task: runtimes[task] for task in members}
    for task in reversed(topological(members, dependencies.__getitem__)):
        for upstream in dependencies[task]:
            if upstream in longest:
                longest[upstream] = max(longest[upstream], runtimes[upstream] + longest[task])
    return longest


def upstream_places(jobs: Sequence[JobSpec]) -> list[tuple[int, ...]]:
    """Return for each of `jobs` the places among them of those that it waits for, each once."""
    index = {job.id: place for place, job in enumerate(jobs)}
    return [tuple([index[name] for name in job.upstreams if name in index]) for job in jobs]
