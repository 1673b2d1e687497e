"""The plan as data: what `plan.json` and its slices hold (the contract's section "Files")."""

from typing import Any, Literal

import msgspec

from canary_wf.batch.specification import Count, Layout, Nodes
from canary_wf.job.spec import DependencyEdge, JobSpec
from canary_wf.plan.slurm_options import SlurmOptions

SCHEMA = "canary-wf/plan/1"

RuntimeSource = Literal["history", "declared", "default"]
Scheduler = Literal["local", "slurm"]
FailOn = Literal["any", "never"]
RulesMode = Literal["batch", "shape", "auto"]


class PlannedJob(JobSpec, frozen=True, kw_only=True, omit_defaults=True):
    """A job spec with its expected run time (seconds), where that comes from, its batch, and a digest of its inputs.

    The fields that the contract names have no default here, so that they always stand in the file. Paths are
    relative to OUT unless they lie outside it.
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


class PlannedBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs that run together: what their schedule peaks at on one node, how long it takes, what it may take.

    `cpus`, `gpus` and `resources` are slots, `memory` MiB (None when no job says), `runtime` the length of the
    simulated schedule and `time_limit` the limit asked for, both in seconds. `longest` is the longest limit that a
    partition which takes the batch allows, in whole minutes; None is no limit, or one that is not known. `container` is
    the image and `conda` the environment of its jobs, where they have another one than all the others.
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


class LeftOut(msgspec.Struct, frozen=True):
    """A job that is not part of the run, and why."""

    id: str
    name: str
    reason: str


class BatchSpecFields(msgspec.Struct, frozen=True):
    """The batch specification as the plan records it."""

    layout: Layout
    count: Count
    nodes: Nodes
    duration: float | None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One plan. `node` counts what one node has; `resource_pool` names the ids that are handed out on this machine.

    `retry` says how often a job is run again after which class of failure (`job.retry`), `bind` whether jobs are bound
    to the CPUs of their ids.
    """

    schema: str = SCHEMA
    session: str
    created: float
    version: str
    scheduler: Scheduler
    batch_spec: BatchSpecFields
    node: dict[str, int]
    resource_pool: dict[str, Any]
    workers: int | None = None
    retry: dict[str, int] = {}
    bind: bool = False
    fail_on: FailOn = "any"
    jobs: tuple[PlannedJob, ...]
    left_out: tuple[LeftOut, ...] = ()
    masked: tuple[LeftOut, ...] = ()
    batches: tuple[PlannedBatch, ...]
    slurm: SlurmOptions = SlurmOptions()
    hooks: tuple[str, ...] = ()


class Upstream(msgspec.Struct, frozen=True):
    """A job of another batch that a job of this batch depends on."""

    id: str
    name: str
    batch: str
    directory: str


class BatchSlice(msgspec.Struct, frozen=True, kw_only=True):
    """What the runner of one batch needs of the plan."""

    retry: dict[str, int] = {}
    bind: bool = False
    hooks: tuple[str, ...] = ()

    session: str
    scheduler: Scheduler
    batch: PlannedBatch
    jobs: tuple[PlannedJob, ...]
    upstreams: tuple[Upstream, ...]
    node: dict[str, int]
    resource_pool: dict[str, Any]
    workers: int | None = None
