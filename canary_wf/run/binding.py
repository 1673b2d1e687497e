"""Binding a job to the CPUs it was given, so that its threads stay on them.

Ids are names; only those that are numbers of CPUs which the runner itself may use can be bound to. Tests of CTest with
PROCESSOR_AFFINITY are always bound, all other jobs with ``--bind``.
"""

import os
from collections.abc import Callable, Collection

from canary_wf.spec.job_spec import JobSpec
from canary_wf.state.events import Resources


def bindable(resources: Resources, allowed: Collection[int]) -> frozenset[int] | None:
    """Return the CPUs that the ids in `resources` name, or None when one is no CPU among `allowed` or there is none."""
    ids = [str(item["id"]) for item in resources.get("cpus", ())]
    cpus = frozenset(int(name) for name in ids if name.isascii() and name.isdecimal())
    return cpus if ids and len(cpus) == len(set(ids)) and cpus.issubset(allowed) else None


class Binding:
    """Chooses the CPUs for each job of a batch.

    `everyone` says whether all jobs are to be bound, `ids_are_cpus` whether the ids are this machine's at all (in a
    Slurm allocation they may be mere ordinals). `tell` gets a line, once, when a job cannot be bound.
    """

    def __init__(self, *, everyone: bool, ids_are_cpus: bool, tell: Callable[[str], None]) -> None:
        self._everyone = everyone
        self._allowed = os.sched_getaffinity(0) if ids_are_cpus else set()
        self._tell: Callable[[str], None] | None = tell

    def cpus_for(self, job: JobSpec, resources: Resources) -> frozenset[int] | None:
        """Return the CPUs that the process of `job` is bound to, or None where it may use all of the runner's."""
        wanted = self._everyone or (job.ctest is not None and job.ctest.processor_affinity)
        if not wanted or not resources.get("cpus"):
            return None
        cpus = bindable(resources, self._allowed)
        if cpus is None and self._everyone and self._tell is not None:
            ids = ",".join(str(item["id"]) for item in resources["cpus"])
            self._tell(f"--bind: job {job.name} and others like it are not bound: {ids} are not CPUs of ours")
            self._tell = None
        return cpus
