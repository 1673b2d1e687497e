"""From job specs to a plan: what fits is estimated, partitioned into batches, and each batch's schedule simulated."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from canary_wf import __version__
from canary_wf.batch.partition import partition
from canary_wf.batch.problem import LOCK, MEMORY, problem_of
from canary_wf.batch.schedule import simulate
from canary_wf.batch.specification import BatchSpecification
from canary_wf.batch.task import Problem
from canary_wf.batch.time_limit import time_limit
from canary_wf.errors import InputError
from canary_wf.job.history import History
from canary_wf.job.identity import batch_id
from canary_wf.job.retry import RetryPolicy
from canary_wf.job.spec import Asset, JobSpec
from canary_wf.plan.batch_slice import PlannedBatch, PlannedJob, RuntimeSource
from canary_wf.plan.estimate import expected_runtime, room_for
from canary_wf.plan.inputs import InputDigests
from canary_wf.plan.kind_of_node import choose_kind
from canary_wf.plan.model import BatchSpecFields, FailOn, LeftOut, Plan, RulesMode
from canary_wf.plan.partition_limits import keep_to_limits
from canary_wf.plan.slurm_options import SlurmOptions
from canary_wf.plan.software import SoftwareChoice, divided, software_of
from canary_wf.plan.target import Target
from canary_wf.session_paths import relative_to_out

_NOT_FURTHER_TYPES = {"cpus", "gpus", MEMORY}


class PlanSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the user decided about batches and their run."""

    batch_spec: BatchSpecification = BatchSpecification()
    workers: int | None = None
    retry: RetryPolicy = {}
    bind: bool = False
    fail_on: FailOn = "any"
    strict: bool = False
    rules: RulesMode = "auto"
    slurm: SlurmOptions = SlurmOptions()
    hooks: tuple[str, ...] = ()
    software: tuple[SoftwareChoice, ...] = ()


def make_plan(
    specs: Sequence[JobSpec], settings: PlanSettings, target: Target, history: History, *, out: Path, session: str
) -> Plan:
    """Return the plan for `specs` on `target`, or on the kind of its nodes that the most jobs fit.

    Paths in it are relative to `out`.
    Raises InputError when nothing is left to run, when `strict` and a job fits nowhere, and when the batch
    specification asks for the impossible.
    """
    masked = tuple(LeftOut(job.id, job.name, job.mask) for job in specs if job.mask is not None)
    wanted = [job for job in specs if job.mask is None]
    target, jobs, left_out = choose_kind(target, wanted)
    _check_something_left(specs, jobs, left_out, strict=settings.strict)
    estimates = [expected_runtime(job, history) for job in jobs]
    node: dict[str, int | None] = {**target.node.capacities, MEMORY: target.node.memory}
    problem = problem_of(jobs, [seconds for seconds, _ in estimates], node)
    node_cpus = target.node.capacities.get("cpus", 0)
    batches = keep_to_limits(_batches(problem, jobs, settings), target.partitions or (), node_cpus)
    batch_of = {job: batch.id for batch in batches for job in batch.jobs}
    digests = InputDigests()
    return Plan(
        session=session,
        created=time.time(),
        version=__version__,
        scheduler=target.scheduler,
        batch_spec=_spec_fields(settings.batch_spec),
        node=_node_fields(target),
        resource_pool=target.pool.getstate(),
        workers=settings.workers,
        retry=dict(settings.retry),
        bind=settings.bind,
        fail_on=settings.fail_on,
        jobs=tuple(
            _planned(job, estimate, out, batch=batch_of[job.id], inputs=digests.of(job))
            for job, estimate in zip(jobs, estimates, strict=True)
        ),
        left_out=tuple(left_out),
        masked=masked,
        batches=tuple(batches),
        slurm=settings.slurm,
        hooks=settings.hooks,
    )


def _check_something_left(
    specs: Sequence[JobSpec], jobs: Sequence[JobSpec], left_out: Sequence[LeftOut], *, strict: bool
) -> None:
    if left_out and strict:
        first = left_out[0]
        more = f" (and {len(left_out) - 1} more)" if len(left_out) > 1 else ""
        raise InputError(
            f"does not fit: {first.reason}{more}", where=f"job {first.name}", hint="drop --strict or change -r"
        )
    if jobs:
        return
    if left_out:
        raise InputError(
            f"none of the jobs fits: {left_out[0].name} {left_out[0].reason}", hint="describe the node with -r"
        )
    raise InputError(f"all {len(specs)} jobs are masked", hint="canary-wf find -v shows why")


def _batches(problem: Problem, jobs: Sequence[JobSpec], settings: PlanSettings) -> list[PlannedBatch]:
    software = software_of(jobs, settings.software)
    parts = divided(partition(problem, settings.batch_spec), problem, software, settings.batch_spec)
    names = [batch_id(jobs[task].id for task in part.tasks) for part in parts]
    found = []
    for part, name in zip(parts, names, strict=True):
        schedule = simulate(problem, part.tasks)
        members = [jobs[task] for task in part.tasks]
        limits = [(problem.runtimes[task], jobs[task].limit) for task in part.tasks]
        peak = {kind: int(amount) for kind, amount in schedule.peak.items()}
        found.append(
            PlannedBatch(
                id=name,
                jobs=tuple(job.id for job in members),
                dependencies=tuple(sorted(names[upstream] for upstream in part.dependencies)),
                cpus=peak.get("cpus", 0),
                # A job that takes a whole node peaks at all of it; GPUs that nobody uses are not asked for.
                gpus=peak.get("gpus", 0) if any(job.gpus for job in members) else 0,
                nodes=max(job.nodes for job in members),
                memory=peak[MEMORY] if any(job.memory is not None for job in members) else None,
                resources={kind: n for kind, n in peak.items() if n and _is_further_type(kind)},
                exclusive=any(job.exclusive for job in members),
                runtime=schedule.length,
                time_limit=time_limit(schedule.length, limits, room_for(settings.retry)),
                container=software[part.tasks[0]].container,
                conda=software[part.tasks[0]].conda,
            )
        )
    return found


def _is_further_type(kind: str) -> bool:
    return kind not in _NOT_FURTHER_TYPES and not kind.startswith(LOCK)


def _planned(job: JobSpec, estimate: tuple[float, RuntimeSource], out: Path, *, batch: str, inputs: str) -> PlannedJob:
    fields: dict[str, Any] = {name: getattr(job, name) for name in job.__struct_fields__}
    fields["file"] = relative_to_out(job.file, out)
    if job.working_directory is not None:
        fields["working_directory"] = relative_to_out(Path(job.working_directory), out)
    fields["assets"] = tuple(_relative_asset(asset, out) for asset in job.assets)
    decided = {"runtime": estimate[0], "runtime_source": estimate[1], "batch": batch, "inputs": inputs}
    return PlannedJob(**{**fields, **decided})


def _relative_asset(asset: Asset, out: Path) -> Asset:
    source = relative_to_out(asset.source, out)
    return asset if source == asset.source else msgspec.structs.replace(asset, source=source)


def _spec_fields(spec: BatchSpecification) -> BatchSpecFields:
    return BatchSpecFields(layout=spec.layout, count=spec.count, nodes=spec.nodes, duration=spec.duration)


def _node_fields(target: Target) -> dict[str, int]:
    memory = {} if target.node.memory is None else {MEMORY: target.node.memory}
    return {
        **{kind: target.node.capacities.get(kind, 0) for kind in ("cpus", "gpus")},
        **target.node.capacities,
        **memory,
    }
