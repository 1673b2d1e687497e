"""A batch and its jobs as they are planned, and the slice of the plan that the batch's runner reads.

The runner reads nothing else of the plan, and imports nothing else of what describes it.
"""

from typing import Any, Literal

import msgspec

from canary_wf.spec.job_spec import DependencyEdge, JobSpec

RuntimeSource = Literal["history", "declared", "default"]
Scheduler = Literal["local", "slurm"]


class PlannedJob(JobSpec, frozen=True, kw_only=True, omit_defaults=True):
    """A job spec with its expected run time (seconds), where that comes from, its batch, and a digest of its inputs.

    `above` is what history or declaration say where that is above the time limit, which the run time is cut to.
    The fields that docs/reference/plan.md requires have no default here, so that they always stand in the file. Paths
    are relative to OUT unless they lie outside it.
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
    """Jobs that run together: what their schedule peaks at on one node, how long it takes, what it may take.

    `cpus` and `resources` are slots, `gpus` devices, which a batch has whole; `gpu_slots` are the slots of these, where
    a device has several. `memory` is MiB (None when no job says), `runtime` the length of the
    simulated schedule and `time_limit` the limit asked for, both in seconds. `longest` is the longest limit that a
    partition which takes the batch allows, in whole minutes; None is no limit, or one that is not known. `container` is
    the image and `conda` the environment of its jobs, where they have another one than all the others, and `node` what
    a node has where the batch needs another kind than the plan's.
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
        """How many slots of GPUs its schedule peaks at."""
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
    """What the runner of one batch needs of the plan; `awaited` are the tests of CTest that other batches wait for."""

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
