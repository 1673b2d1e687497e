"""The plan as data: the content of `plan.json`."""

from typing import Any, Literal

import msgspec

from canary_wf.batch.specification import Count, Layout, Nodes
from canary_wf.plan.cluster.slurm_options import SlurmOptions
from canary_wf.spec.batch_slice import PlannedBatch, PlannedJob, Scheduler

SCHEMA = "canary-wf/plan/1"

FailOn = Literal["any", "never"]
RulesMode = Literal["batch", "shape", "auto"]


class LeftOut(msgspec.Struct, frozen=True, omit_defaults=True):
    """A job that is not part of the run, and why.

    `hint` are the options of `generate` that would let it run. `path` and `file` are those of its spec. `test` is its
    name in CTest, `folder` its working directory relative to the build tree, and `disabled` says that CTest itself
    would not run it.
    """

    id: str
    name: str
    reason: str
    hint: str | None = None
    path: str = ""
    file: str = ""
    command: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    test: str | None = None
    folder: str | None = None
    cpus: int = 1
    disabled: bool = False


class BatchSpecFields(msgspec.Struct, frozen=True):
    """The batch specification as the plan records it."""

    layout: Layout
    count: Count
    nodes: Nodes
    duration: float | None


class Origin(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Where a plan comes from.

    `project` is the name that the user gave or that of the project's folder, `host` the machine that planned, and
    `command` the words of the command line. `commit` (hex digits) and `branch` are those of the git checkout that holds
    the tests, None without one.
    """

    project: str = ""
    host: str = ""
    command: tuple[str, ...] = ()
    commit: str | None = None
    branch: str | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One plan. `node` has the amounts of one node; `resource_pool` names the ids that are handed out on this machine.

    `retry` is the retry policy: how often a job is retried, by class of failure. `bind` says that jobs are bound to the
    CPUs of their ids. `hooks_signature` proves that the user of this session chose `hooks`.
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
    hooks_signature: str = ""
    origin: Origin = Origin()
