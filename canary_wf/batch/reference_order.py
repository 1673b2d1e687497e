"""The order of the reference schedule: longest remaining path first, ties by id."""

from collections.abc import Sequence
from typing import Protocol


class Chained(Protocol):
    """Tasks as columns: what their order depends on."""

    @property
    def ids(self) -> Sequence[str]:
        """By these ties are broken."""
        ...

    @property
    def runtimes(self) -> Sequence[float]:
        """Expected run times in seconds."""
        ...

    @property
    def dependencies(self) -> Sequence[Sequence[int]]:
        """For each task the indexes of those that it waits for, each once."""
        ...


def reference_order(tasks: Chained, members: Sequence[int]) -> list[int]:
    """Return `members` in the order in which waiting tasks are looked at: longest remaining path first, ties by id."""
    by_id = sorted(members, key=tasks.ids.__getitem__)
    path = _remaining_paths(tasks, members)
    return sorted(by_id, key=lambda task: -path[task])


def _remaining_paths(tasks: Chained, members: Sequence[int]) -> dict[int, float]:
    """Return for each member its run time plus that of the longest chain of members behind it, in seconds."""
    runtimes = tasks.runtimes
    longest = {task: runtimes[task] for task in members}
    waiting = dict.fromkeys(members, 0)
    for task in members:
        for upstream in tasks.dependencies[task]:
            if upstream in waiting:
                waiting[upstream] += 1
    last = [task for task, count in waiting.items() if not count]
    while last:
        task = last.pop()
        for upstream in tasks.dependencies[task]:
            if upstream in waiting:
                longest[upstream] = max(longest[upstream], runtimes[upstream] + longest[task])
                waiting[upstream] -= 1
                if not waiting[upstream]:
                    last.append(upstream)
    return longest
