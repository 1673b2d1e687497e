"""What jobs hold whose processes could not be ended: it is not given to others as long as one of these lives.

So it is with a process of another user, or one that is stuck in the kernel.
"""

import os

from canary_wf.execution.capacity import Capacity
from canary_wf.execution.strays import Strays
from canary_wf.job.events import Resources
from canary_wf.plan.batch_slice import PlannedJob

PATIENCE = 60.0
"""Seconds that the rest of a batch waits for what only such a process holds."""


class Withheld:
    """The resources that are not given back yet, by the state file of the job that has them."""

    def __init__(self, capacity: Capacity, strays: Strays) -> None:
        self._capacity = capacity
        self._strays = strays
        self._held: dict[str, list[tuple[PlannedJob, Resources]]] = {}

    def __bool__(self) -> bool:
        return bool(self._held)

    def give_back(self, owner: str, job: PlannedJob, resources: Resources) -> None:
        """Give back what `job` held, at once or when the last process of `owner` that could not be ended is gone."""
        if owner in self._strays.unended.values():
            self._held.setdefault(owner, []).append((job, resources))
        else:
            self._capacity.give_back(job, resources)

    def look(self) -> None:
        """Give back what nobody holds any more."""
        self._strays.collect_unended()
        living = set(self._strays.unended.values())
        for owner in [owner for owner in self._held if owner not in living]:
            for job, resources in self._held.pop(owner):
                self._capacity.give_back(job, resources)

    def why(self, owner: str | None = None) -> str:
        """Return which processes could not be ended, those of `owner` or all, empty when there are none."""
        pids = [pid for pid, job in self._strays.unended.items() if owner in {None, job}]
        return ", ".join(f"process {pid} of {user_of(pid)}" for pid in pids)


def user_of(pid: int) -> str:
    """Return the name of the user whose process `pid` is."""
    import pwd

    try:
        number = os.stat(f"/proc/{pid}").st_uid  # noqa: PTH116 - no path of the user's
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
    except OSError:
        return "an unknown user"
