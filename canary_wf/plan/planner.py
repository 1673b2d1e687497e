"""Makes a plan from job specs: estimates the jobs that fit, partitions them into batches, and simulates each batch."""

import os
import platform
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from canary_wf._version import __version__
from canary_wf.batch.problem import LOCK, MEMORY
from canary_wf.batch.reference_schedule import simulate
from canary_wf.batch.specification import BatchSpecification
from canary_wf.batch.time_limit import time_limit
from canary_wf.ctest.resource_groups import largest_items
from canary_wf.discovery.shards import ELSEWHERE
from canary_wf.errors import InputError, valid_text
from canary_wf.files.git_checkout import Checkout, checkout_of
from canary_wf.history.run_times import History
from canary_wf.plan.cluster.partition_limits import keep_to_limits
from canary_wf.plan.cluster.slurm_options import SlurmOptions
from canary_wf.plan.cluster.target import Target
from canary_wf.plan.estimate import Estimate, expected_runtime, retries_allowed
from canary_wf.plan.explanation.wording import with_origin
from canary_wf.plan.fit import remedy, select_more
from canary_wf.plan.fixtures import partition_with_fixtures
from canary_wf.plan.inputs import InputDigests
from canary_wf.plan.model import BatchSpecFields, FailOn, LeftOut, Origin, Plan, RulesMode
from canary_wf.plan.node_groups import NodeGroup, choose_node_types, node_groups, specifications
from canary_wf.plan.software import Software, SoftwareChoice, software_of, split_by_software
from canary_wf.resources.request import ids_that_hold
from canary_wf.spec.batch_slice import PlannedBatch, PlannedJob
from canary_wf.spec.ctest_rules import DISABLED
from canary_wf.spec.identity import batch_id
from canary_wf.spec.job_spec import Asset, Baseline, JobSpec
from canary_wf.state.session_paths import relative_to_out
from canary_wf.verdict.retry_policy import RetryPolicy

_NOT_FURTHER_TYPES = {"cpus", "gpus", MEMORY}


class PlanSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The user's settings for batches and their run. `output_limit` is in bytes, for jobs without their own limit.

    `project` names what is planned, "" for the name of its folder; `command` are the words of the command line.
    """

    batch_spec: BatchSpecification = BatchSpecification()
    workers: int | None = None
    retry: RetryPolicy = {}
    bind: bool = False
    output_limit: int | None = None
    fail_on: FailOn = "any"
    strict: bool = False
    rules: RulesMode = "auto"
    slurm: SlurmOptions = SlurmOptions()
    hooks: tuple[str, ...] = ()
    software: tuple[SoftwareChoice, ...] = ()
    project: str = ""
    command: tuple[str, ...] = ()


def make_plan(
    specs: Sequence[JobSpec],
    settings: PlanSettings,
    target: Target,
    history: History,
    *,
    out: Path,
    session: str,
    dropped: Collection[str] = (),
) -> Plan:
    """Return the plan for `specs` on `target`, or on the node types of the target that they fit.

    Paths in the plan are relative to `out`. `dropped` are the ids of masked jobs that count as left out, because the
    user selected them. Raises InputError if no job is left to run, if `strict` is set and a job does not fit, and if
    the batch specification cannot be met.
    """
    masked = tuple(_masked(job, job.mask, out) for job in specs if job.mask is not None and job.id not in dropped)
    selected = [_deferred(job, target) for job in specs if job.mask is None]
    choice = choose_node_types(target, selected, settings.batch_spec.layout)
    target, jobs, left_out = choice.main, choice.jobs, _with_origins(choice.left_out, selected, choice.main, out)
    _check_something_left(specs, jobs, left_out, strict=settings.strict, dropped=dropped)
    left_out += [with_origin(LeftOut(job.id, job.name, job.mask or ""), job, out) for job in specs if job.id in dropped]
    estimates = [expected_runtime(job, history) for job in jobs]
    groups = node_groups(jobs, choice.targets, [estimate.seconds for estimate in estimates])
    batches = _linked(_batches(groups, jobs, target, settings), jobs)
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
        jobs=_planned_jobs(map(_tell_allocation(target), jobs), estimates, batches, settings, out),
        left_out=tuple(left_out),
        masked=masked,
        batches=tuple(batches),
        slurm=settings.slurm,
        hooks=settings.hooks,
        origin=_origin(settings, jobs[0].file, out),
    )


def _origin(settings: PlanSettings, file: str, out: Path) -> Origin:
    """Return the origin of a plan for jobs of the test file `file`, with those of its git checkout if it has one.

    Bytes that are not UTF-8, which any word of a command line and any name may have, are escaped.
    """
    checkout = checkout_of(os.path.dirname(file)) or Checkout(_project_folder(file, out), None, None)  # noqa: PTH120
    return Origin(
        project=valid_text(settings.project or os.path.basename(checkout.folder)),  # noqa: PTH119 - paths as strings
        host=valid_text(platform.node()),
        command=tuple(map(valid_text, settings.command)),
        commit=checkout.commit,
        branch=checkout.branch,
    )


def _project_folder(file: str, out: Path) -> str:
    """Return the folder that holds both the tests and OUT, unless that is a home or the root: OUT then."""
    if not os.path.isabs(file):  # noqa: PTH117 - as above
        return str(out)
    both = os.path.commonpath([file, out])
    return str(out) if both in {"/", os.path.expanduser("~")} else both  # noqa: PTH111 - as above


def _planned_jobs(
    jobs: Iterable[JobSpec],
    estimates: Sequence[Estimate],
    batches: Sequence[PlannedBatch],
    settings: PlanSettings,
    out: Path,
) -> tuple[PlannedJob, ...]:
    batch_of = {job: batch.id for batch in batches for job in batch.jobs}
    digests = InputDigests()
    return tuple(
        _planned(job, estimate, out, settings, batch=batch_of[job.id], inputs=digests.of(job))
        for job, estimate in zip(jobs, estimates, strict=True)
    )


def _masked(job: JobSpec, reason: str, out: Path) -> LeftOut:
    found = LeftOut(job.id, job.name, reason)
    return with_origin(found, job, out) if reason == DISABLED else found


def _with_origins(left_out: Sequence[LeftOut], jobs: Sequence[JobSpec], target: Target, out: Path) -> list[LeftOut]:
    """Return `left_out` with the origin of each job, and the options that would let it run."""
    specs = {job.id: job for job in jobs}
    found = [with_origin(each, specs[each.id], out) for each in left_out]
    return [
        msgspec.structs.replace(each, hint=remedy(specs[each.id], target.node, on_slurm=target.scheduler == "slurm"))
        for each in found
    ]


def _check_something_left(
    specs: Sequence[JobSpec],
    jobs: Sequence[JobSpec],
    left_out: Sequence[LeftOut],
    *,
    strict: bool,
    dropped: Collection[str],
) -> None:
    if left_out and strict:
        first = left_out[0]
        more = f" (and {len(left_out) - 1} more)" if len(left_out) > 1 else ""
        hint = f"drop --strict or generate with {first.hint or '-r'}"
        raise InputError(f"does not fit: {first.reason}{more}", where=f"job {first.name}", hint=hint)
    if jobs:
        return
    if left_out:
        first = left_out[0]
        hint = f"describe the node with {first.hint or '-r'}"
        raise InputError(f"none of the jobs fits: {first.name} {first.reason}", hint=hint)
    selected = [job for job in specs if job.id in dropped]
    if selected:
        what = f"none of the selected jobs can run: {selected[0].name} {selected[0].mask}"
        raise InputError(what, hint=select_more(selected[0], specs))
    if any(job.mask is not None and job.mask.startswith(ELSEWHERE) for job in specs):
        raise InputError("this part has no jobs", where="--shard", hint="there are fewer groups of jobs than parts")
    raise InputError(f"all {len(specs)} jobs are masked", hint="canary-wf find -v shows why")


def _batches(
    groups: Sequence[NodeGroup], jobs: Sequence[JobSpec], main: Target, settings: PlanSettings
) -> Iterator[PlannedBatch]:
    """Yield the batches of all groups in an order that respects dependencies. `_linked` sets the dependencies later."""
    software = software_of(jobs, settings.software)
    for group, spec in zip(groups, specifications(groups, settings.batch_spec), strict=True):
        members = [jobs[index] for index in group.members]
        batches = _batches_of(group, members, [software[index] for index in group.members], spec, settings)
        if group.target is not main:
            batches = [msgspec.structs.replace(batch, node=_node_fields(group.target)) for batch in batches]
        node_cpus = group.target.node.capacities.get("cpus", 0)
        yield from keep_to_limits(batches, group.target.partitions or (), node_cpus)


def _linked(batches: Iterable[PlannedBatch], jobs: Sequence[JobSpec]) -> list[PlannedBatch]:
    """Return `batches`, each with the batches that its jobs depend on."""
    batches = list(batches)
    batch_of = {job: batch.id for batch in batches for job in batch.jobs}
    needed: dict[str, set[str]] = {batch.id: set() for batch in batches}
    for job in jobs:
        needed[batch_of[job.id]].update(batch_of[edge.job] for edge in job.dependencies if edge.job in batch_of)
    return [
        msgspec.structs.replace(batch, dependencies=tuple(sorted(needed[batch.id] - {batch.id}))) for batch in batches
    ]


def _batches_of(
    group: NodeGroup,
    jobs: Sequence[JobSpec],
    software: Sequence[Software],
    spec: BatchSpecification,
    settings: PlanSettings,
) -> list[PlannedBatch]:
    """Return the batches of one group, whose `jobs` run in `software`."""
    problem = group.problem
    found = []
    batches = partition_with_fixtures(
        problem, jobs, spec, local=group.target.scheduler == "local", alike=lambda task: software[task]
    )
    for tasks in split_by_software(batches, problem, software, spec):
        schedule = simulate(problem, tasks)
        members = [jobs[task] for task in tasks]
        limits = [(problem.runtimes[task], jobs[task].limit) for task in tasks]
        peak = {resource_type: int(amount) for resource_type, amount in schedule.peak.items()}
        # A job that takes a whole node peaks at all its GPUs. GPUs that no job uses are not requested.
        gpu_slots = peak.get("gpus", 0) if any(job.gpus for job in members) else 0
        gpus = _devices(gpu_slots, group.target, members)
        found.append(
            PlannedBatch(
                id=batch_id(job.id for job in members),
                jobs=tuple(job.id for job in members),
                dependencies=(),
                cpus=peak.get("cpus", 0),
                gpus=gpus,
                gpu_slots=None if gpus == gpu_slots else gpu_slots,
                nodes=max(job.nodes for job in members),
                memory=peak[MEMORY] if any(job.memory is not None for job in members) else None,
                resources={
                    resource_type: n for resource_type, n in peak.items() if n and _is_further_type(resource_type)
                },
                exclusive=any(job.exclusive for job in members),
                runtime=schedule.length,
                time_limit=time_limit(schedule.length, limits, retries_allowed(settings.retry)),
                container=software[tasks[0]].container,
                conda=software[tasks[0]].conda,
            )
        )
    return found


def _devices(slots: int, target: Target, jobs: Sequence[JobSpec]) -> int:
    """Return how many GPUs hold `slots` for `jobs` if GPUs have several slots; otherwise `slots` itself."""
    sizes = {str(item["id"]): int(item["slots"]) for item in target.pool.resources.get("gpus", ())}
    if all(size <= 1 for size in sizes.values()):
        return slots
    largest, most = largest_items(jobs)
    return ids_that_hold(slots, sizes, largest.get("gpus", 1), most.get("gpus", 0))[0]


def _is_further_type(resource_type: str) -> bool:
    return resource_type not in _NOT_FURTHER_TYPES and not resource_type.startswith(LOCK)


def _deferred(job: JobSpec, target: Target) -> JobSpec:
    """Return `job` as it is planned if another test generates the file with its resource ids.

    On this machine such a job asks the node for CPUs only. If the user describes the resources, and on Slurm, it asks
    for them like any other job.
    """
    if job.ctest is None or job.ctest.specification is None:
        return job
    types = {item.type for group in job.resource_groups for item in group}
    if target.scheduler == "local" and target.requested is not None and types.isdisjoint(target.requested):
        return msgspec.structs.replace(job, gpus=0, resources={})
    return msgspec.structs.replace(job, ctest=msgspec.structs.replace(job.ctest, specification=None))


def _tell_allocation(target: Target) -> Callable[[JobSpec], JobSpec]:
    """Return a function that marks CTest tests as allocated if `target` has a resource specification."""

    def with_allocation(job: JobSpec) -> JobSpec:
        if job.ctest is None:
            return job
        return msgspec.structs.replace(job, ctest=msgspec.structs.replace(job.ctest, allocates=True))

    return with_allocation if target.specified else lambda job: job


def _planned(
    job: JobSpec,
    estimate: Estimate,
    out: Path,
    settings: PlanSettings,
    *,
    batch: str,
    inputs: str,
) -> PlannedJob:
    fields = msgspec.structs.asdict(job)
    fields["output_limit"] = job.output_limit or settings.output_limit
    fields["file"] = relative_to_out(job.file, out)
    if job.working_directory is not None:
        fields["working_directory"] = relative_to_out(Path(job.working_directory), out)
    fields["assets"] = tuple([_relative_asset(asset, out) for asset in job.assets])
    fields["sources"] = tuple([relative_to_out(source, out) for source in job.sources])
    fields["baselines"] = tuple([_relative_baseline(baseline, out) for baseline in job.baselines])
    fields.update(runtime=estimate.seconds, runtime_source=estimate.source, above=estimate.above)
    return PlannedJob(**fields, batch=batch, inputs=inputs)


def _relative_asset(asset: Asset, out: Path) -> Asset:
    source = relative_to_out(asset.source, out)
    return asset if source == asset.source else msgspec.structs.replace(asset, source=source)


def _relative_baseline(baseline: Baseline, out: Path) -> Baseline:
    if baseline.target is None:
        return baseline
    return msgspec.structs.replace(baseline, target=relative_to_out(baseline.target, out))


def _spec_fields(spec: BatchSpecification) -> BatchSpecFields:
    return BatchSpecFields(layout=spec.layout, count=spec.count, nodes=spec.nodes, duration=spec.duration)


def _node_fields(target: Target) -> dict[str, int]:
    memory = {} if target.node.memory is None else {MEMORY: target.node.memory}
    return {
        **{resource_type: target.node.capacities.get(resource_type, 0) for resource_type in ("cpus", "gpus")},
        **target.node.capacities,
        **memory,
    }
