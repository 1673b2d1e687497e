"""What all jobs of one run share: output, memory, retries, their binding to CPUs, and how many files may be open.

Ids are names; only those that are numbers of CPUs which the runner itself may use can be bound to. Tests of CTest with
PROCESSOR_AFFINITY are always bound, all other jobs with ``--bind``.
"""

import os
import resource
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from canary_wf.process.out_of_memory import OomKills
from canary_wf.run.retries import Retries
from canary_wf.spec.batch_slice import PlannedBatch
from canary_wf.spec.job_spec import JobSpec
from canary_wf.spec.resource_request import Resources
from canary_wf.state.events import JobFinished


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


_OWN = 64
"""Open files of the runner's own: journal, state files, libraries."""


def allow_open_files(batch: PlannedBatch) -> None:
    """Raise this process's limit of open files, within what the system allows, where `batch` needs more."""
    wanted = _OWN + 4 * batch.cpus + batch.gpus + sum(batch.resources.values())
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


class Treatment(NamedTuple):
    """What jobs inherit, which are run again, which CPUs they are bound to, who says that memory ran out.

    `tick` is called whenever the runner looks around, at least once a heartbeat, and returns the seconds after which
    it is to be called again. `awaited` are the jobs that jobs of other batches depend on. `ended` is called with a job
    that ended and whose verdict is held back; `show` puts such a verdict into the job's state file, because a job that
    is started now may read it there.
    """

    environment: Mapping[str, str]
    retries: Retries
    binding: Binding
    oom_kills: OomKills
    tick: Callable[[], float]
    awaited: tuple[str, ...] = ()
    ended: Callable[[str], None] = lambda _: None
    show: Callable[[JobFinished], None] = lambda _: None
