"""A planned batch and its jobs, and the slice of the plan that the batch's runner reads.

The runner reads only this slice of the plan, and imports only this module of those that describe a plan.
"""

from typing import Any, Literal

import msgspec

from canary_wf.spec.job_spec import DependencyEdge, JobSpec

RuntimeSource = Literal["history", "declared", "default"]
Scheduler = Literal["local", "slurm"]


class PlannedJob(JobSpec, frozen=True, kw_only=True, omit_defaults=True):
    """A job spec with its expected run time (seconds), the source of that, its batch, and a digest of its inputs.

    `runtime` is capped at the time limit; `above` is then the uncapped run time. The fields that docs/reference/plan.md
    requires have no default here, so they are always in the file. Paths are relative to OUT unless they lie outside it.
    """

    parameters: dict[str, Any]
    cpus: int
    gpus: int
    nodes: int
    memory: int | None
    resources: dict[str, int]
    timeout: float
    runtime: float
    dependencies: tuple[DependencyEdge, ...]
    runtime_source: RuntimeSource
    batch: str
    inputs: str = ""
    above: float | None = None


class PlannedBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs that run together: the peak of their schedule on one node, its length, and its time limit.

    `cpus` and `resources` are slots. `gpus` are whole devices; `gpu_slots` are their slots if a device has several.
    `memory` is in MiB (None if no job says). `runtime` is the length of the simulated schedule and `time_limit` the
    requested limit, both in seconds. `longest` is the longest limit that a partition which takes the batch allows, in
    whole minutes; None means no limit or an unknown one. `container` is the image and `conda` the environment of its
    jobs if they differ from those of the workflow. `node` has the amounts of one node if the batch needs another node
    type than the plan's.
    """

    id: str
    jobs: tuple[str, ...]
    dependencies: tuple[str, ...]
    cpus: int
    gpus: int
    nodes: int
    memory: int | None
    resources: dict[str, int]
    exclusive: bool
    runtime: float
    time_limit: float
    longest: int | None = None
    container: str | None = None
    conda: str | None = None
    node: dict[str, int] | None = None
    gpu_slots: int | None = None

    @property
    def slots_of_gpus(self) -> int:
        """The peak number of GPU slots of its schedule."""
        return self.gpus if self.gpu_slots is None else self.gpu_slots

    @property
    def requested(self) -> dict[str, int]:
        """The slots its schedule peaks at, of each type of the pool."""
        return {"cpus": self.cpus, "gpus": self.slots_of_gpus, **self.resources}


class Upstream(msgspec.Struct, frozen=True):
    """A job of another batch that a job of this batch depends on."""

    id: str
    name: str
    batch: str
    directory: str


class BatchSlice(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a plan that the runner of one batch reads. `awaited` are CTest tests that other batches wait for."""

    retry: dict[str, int] = {}
    bind: bool = False
    hooks: tuple[str, ...] = ()
    awaited: tuple[str, ...] = ()
    hooks_signature: str = ""

    session: str
    scheduler: Scheduler
    batch: PlannedBatch
    jobs: tuple[PlannedJob, ...]
    upstreams: tuple[Upstream, ...]
    node: dict[str, int]
    resource_pool: dict[str, Any]
    workers: int | None = None
