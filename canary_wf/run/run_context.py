"""Settings shared by all jobs of one run: environment, retries, CPU binding, and the limit of open files.

Ids are names. A job can be bound only if its ids are the numbers of CPUs that the runner itself may use. CTest tests
with PROCESSOR_AFFINITY are always bound, all other jobs with ``--bind``.
"""

import os
import resource
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from canary_wf.graph import downstream
from canary_wf.process.out_of_memory import OomKills
from canary_wf.run.retries import Retries
from canary_wf.snakemake.caller_environment import RUN
from canary_wf.spec.batch_slice import PlannedBatch, PlannedJob
from canary_wf.spec.job_spec import JobSpec
from canary_wf.spec.resource_request import Resources
from canary_wf.state.events import JobFinished
from canary_wf.state.session_paths import SessionPaths

if TYPE_CHECKING:
    from canary_wf.recovery.early_stop import FailureLimit


def bindable(resources: Resources, allowed: Collection[int]) -> frozenset[int] | None:
    """Return the CPUs that the ids in `resources` name; None if there are none or one is not among `allowed`."""
    ids = [str(item["id"]) for item in resources.get("cpus", ())]
    cpus = frozenset(int(name) for name in ids if name.isascii() and name.isdecimal())
    return cpus if ids and len(cpus) == len(set(ids)) and cpus.issubset(allowed) else None


class Binding:
    """Chooses the CPUs for each job of a batch.

    `everyone` says whether all jobs are to be bound; `ids_are_cpus` whether the ids are CPU numbers of this machine
    (in a Slurm allocation they may be ordinals). `report` gets a line, once, when a job cannot be bound.
    """

    def __init__(self, *, everyone: bool, ids_are_cpus: bool, report: Callable[[str], None]) -> None:
        self._everyone = everyone
        self._allowed = os.sched_getaffinity(0) if ids_are_cpus else set()
        self._report: Callable[[str], None] | None = report

    def cpus_for(self, job: JobSpec, resources: Resources) -> frozenset[int] | None:
        """Return the CPUs to bind the process of `job` to, or None when it may use all of the runner's."""
        is_bound = self._everyone or (job.ctest is not None and job.ctest.processor_affinity)
        if not is_bound or not resources.get("cpus"):
            return None
        cpus = bindable(resources, self._allowed)
        if cpus is None and self._everyone and self._report is not None:
            ids = ",".join(str(item["id"]) for item in resources["cpus"])
            self._report(f"--bind: job {job.name} and others like it are not bound: {ids} are not CPUs of this runner")
            self._report = None
        return cpus


_RUNNER_FILES = 64
"""Open files of the runner itself: journal, state files, libraries."""


def allow_open_files(batch: PlannedBatch) -> None:
    """Raise this process's soft limit of open files, up to the hard limit, if `batch` needs more."""
    needed = _RUNNER_FILES + 4 * batch.cpus + batch.gpus + sum(batch.resources.values())
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


class RunContext(NamedTuple):
    """Settings shared by all jobs of one run.

    `tick` is called in each turn of the runner's loop, at least once a heartbeat, and returns the seconds until its
    next call is due. `awaited` are the jobs that jobs of other batches depend on. `ended` is called with a job whose
    verdict is pending. `show` writes such a verdict to the job's state file, where a job that starts now may read it.
    `failures` is the limit of failed jobs, if the run has one.
    """

    environment: Mapping[str, str]
    retries: Retries
    binding: Binding
    oom_kills: OomKills
    tick: Callable[[], float]
    awaited: tuple[str, ...] = ()
    ended: Callable[[str], None] = lambda _: None
    show: Callable[[JobFinished], None] = lambda _: None
    failures: "FailureLimit | None" = None


def jobs_to_run(jobs: Sequence[PlannedJob], known: Collection[str], paths: SessionPaths) -> Sequence[PlannedJob]:
    """Return those of the `jobs` of a batch that this run deals with: all, or the chosen ones.

    Chosen jobs come with those that they depend on, and with jobs whose verdicts are `known`.
    """
    run = os.environ.get(RUN)
    if run is None or not os.path.lexists(paths.chosen_jobs):
        return jobs
    from canary_wf.recovery.run_choice import chosen_jobs  # late, as few runs have chosen ones

    chosen = chosen_jobs(paths, run)
    if chosen is None:
        return jobs
    upstreams = {job.id: job.upstreams for job in jobs}
    roots = [job for job in upstreams if job in chosen]
    needed = downstream(roots, lambda job: [each for each in upstreams.get(job, ()) if each not in known])
    return [job for job in jobs if job.id in chosen or job.id in known or job.id in needed]


def failure_limit_of(paths: SessionPaths, batch: str) -> "FailureLimit | None":
    """Return the limit of failed jobs that the runner of `batch` has to keep, if there is one."""
    if not os.path.lexists(paths.failure_limit):
        return None
    from canary_wf.recovery.early_stop import FailureLimit  # late, as few runs have one

    return FailureLimit(paths.failure_limit, batch)
