"""Resources of jobs whose processes could not be ended; no other job gets them while such a process lives.

A process of another user cannot be ended, and neither can one that is stuck in the kernel.
"""

import os
import sys
from collections.abc import Collection, Iterable, Mapping

from canary_wf.files.users import uid_of, user_name
from canary_wf.process.orphans import Orphans
from canary_wf.process.process_identity import start_ticks
from canary_wf.resources.leases.lease import LOCKS, Lease
from canary_wf.run.capacity import Capacity
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.spec.resource_request import Resources

_KEEPER = """
import sys, time
def lives(word):
    pid, ticks = word.split(":")
    try:
        fields = open("/proc/" + pid + "/stat", "rb").read().rpartition(b")")[2].split()
    except OSError:
        return False
    return fields[0] not in (b"Z", b"X") and fields[19].decode() == ticks
while any(map(lives, sys.argv[1:])):
    time.sleep(1)
"""
"""A program that holds the descriptors it inherits as long as one of the processes ``pid:start`` lives."""

PATIENCE = 60.0
"""Seconds that the rest of a batch waits for resources that only such a process holds."""


class RetainedResources:
    """The resources that are not given back yet, by the state file of the job that held them."""

    def __init__(self, capacity: Capacity, orphans: Orphans) -> None:
        self._capacity = capacity
        self._orphans = orphans
        self._held: dict[str, list[tuple[PlannedJob, Resources]]] = {}

    def __bool__(self) -> bool:
        return bool(self._held)

    def give_back(self, owner: str, job: PlannedJob, resources: Resources) -> None:
        """Give back what `job` held: now, or once the last process of `owner` that could not be ended is gone."""
        if owner in self._orphans.unended.values():
            self._held.setdefault(owner, []).append((job, resources))
        else:
            self._capacity.give_back(job, resources)

    def look(self) -> None:
        """Give back the resources whose processes are gone."""
        self._orphans.collect_unended()
        living = set(self._orphans.unended.values())
        for owner in [owner for owner in self._held if owner not in living]:
            for job, resources in self._held.pop(owner):
                self._capacity.give_back(job, resources)

    @property
    def ids(self) -> dict[str, set[str]]:
        """The retained ids, by type; locks are ids of the type LOCKS."""
        found: dict[str, set[str]] = {}
        for job, resources in (each for held in self._held.values() for each in held):
            for resource_type, items in resources.items():
                found.setdefault(resource_type, set()).update(str(item["id"]) for item in items)
            if job.locks:
                found.setdefault(LOCKS, set()).update(job.locks)
        return found

    def why(self, owner: str | None = None) -> str:
        """Return which processes (of `owner`, or all) could not be ended; empty without any."""
        pids = [pid for pid, job in self._orphans.unended.items() if owner in {None, job}]
        return ", ".join(f"process {pid} of {_user_of(pid)}" for pid in pids)


def keep_while_alive(lease: Lease | None, ids: Mapping[str, Collection[str]], pids: Iterable[int]) -> None:
    """Keep `ids` of the `lease` from other batches of this host while one of the processes `pids` lives."""
    if lease is None:
        return  # Slurm keeps an allocation until all processes are gone
    descriptors = lease.split_off(ids)
    living = [f"{pid}:{start_ticks(pid)}" for pid in pids]
    if descriptors and living:
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        for descriptor in descriptors:
            os.set_inheritable(descriptor, True)
        os.posix_spawn(
            sys.executable,
            [sys.executable, "-I", "-S", "-c", _KEEPER, *living],
            os.environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, null, number) for number in (0, 1, 2)],
            setsid=True,
        )
        os.close(null)
    for descriptor in descriptors:
        os.close(descriptor)


def _user_of(pid: int) -> str:
    uid = uid_of(pid)
    return "an unknown user" if uid is None else user_name(uid)
