"""Decides which jobs fit a node, and why the others are left out of the plan."""

from collections.abc import Mapping, Sequence

import msgspec

from canary_wf.ctest.resource_groups import job_request, largest_items
from canary_wf.graph import dependents_of, downstream
from canary_wf.plan.model import LeftOut
from canary_wf.resources.node import NodeShape
from canary_wf.resources.options import SINGULAR
from canary_wf.resources.pool import ResourcePool
from canary_wf.spec.job_spec import JobSpec
from canary_wf.wording import amount, count

_FILE = "--resource-pool-file FILE"


def split_by_fit(
    jobs: Sequence[JobSpec], node: NodeShape, pool: ResourcePool | None = None
) -> tuple[list[JobSpec], list[LeftOut]]:
    """Split `jobs` into those that can run on `node`, and those that cannot or depend on one that cannot, with reasons.

    `pool` says how the slots of a node are distributed over ids. This matters for jobs that need several slots of one.
    """
    reasons = {job.id: reason for job in jobs if (reason := misfit(job, node, pool)) is not None}
    return split_by_reason(jobs, reasons)


def split_by_reason(jobs: Sequence[JobSpec], misfits: Mapping[str, str]) -> tuple[list[JobSpec], list[LeftOut]]:
    """Split `jobs` into those that can run, and those in `misfits` or dependent on one in it, with reasons.

    `misfits` is a map of job id to the reason why the job cannot run.
    """
    reasons = dict(misfits)
    names = {job.id: job.name for job in jobs}
    needs = {job.id: [edge.job for edge in job.dependencies if not job.is_order_only(edge)] for job in jobs}
    dependents = dependents_of(needs, needs.__getitem__)
    for job_id, lost in downstream(misfits, dependents.get).items():
        reasons[job_id] = f"needs {names[lost]}, which is left out"
    kept = [_without(job, reasons) for job in jobs if job.id not in reasons]
    return kept, [LeftOut(job.id, job.name, reasons[job.id]) for job in jobs if job.id in reasons]


def _without(job: JobSpec, left_out: Mapping[str, str]) -> JobSpec:
    """Return `job` without its dependencies on jobs that are left out. These dependencies are order-only."""
    if not any(edge.job in left_out for edge in job.dependencies):
        return job
    kept = tuple(edge for edge in job.dependencies if edge.job not in left_out)
    return msgspec.structs.replace(job, dependencies=kept)


def misfit(job: JobSpec, node: NodeShape, pool: ResourcePool | None = None, *, on_slurm: bool = False) -> str | None:
    """Return why `job` does not fit on nodes of this shape, or None if it fits."""
    if job.nodes > node.nodes:
        return f"needs {job.nodes} nodes, a job may use {node.nodes}"
    for resource_type, requested in job.requested.items():
        available = node.capacities.get(resource_type, 0) * job.nodes
        if requested > available:
            what = f"needs {amount(requested, resource_type)}, {_nodes(job.nodes)} {available or 'none'}"
            return _too_large(job, pool, on_slurm=on_slurm) or what
    if node.memory is not None and job.memory is not None and job.memory > node.memory * job.nodes:
        return f"needs {job.memory} MiB of memory, {_nodes(job.nodes)} {node.memory * job.nodes}"
    if pool is not None and job.resource_groups:
        reason = pool.accommodates(job_request(job)).reason
        return reason and ((on_slurm and _too_large(job, pool, on_slurm=True)) or reason)
    return None


def _too_large(job: JobSpec, pool: ResourcePool | None, *, on_slurm: bool) -> str | None:
    """Return which item of `job` asks for more slots of one id than any id of the pool has, or None."""
    if pool is None:
        return None
    for resource_type, slots in largest_items([job])[0].items():
        most = max((int(item["slots"]) for item in pool.resources.get(resource_type, ())), default=0)
        if 0 < most < slots:
            where = " on Slurm" if on_slurm and resource_type in {"cpus", "gpus"} else ""
            most_slots = f"at most {count(most, 'slot')} each{where}"
            return f"needs {slots} slots of one of the {resource_type}, which have {most_slots}"
    return None


def remedy(job: JobSpec, node: NodeShape, *, on_slurm: bool = False) -> str | None:
    """Return the options that describe a node on which `job` fits, or None if a different node would not help."""
    options = [f"-r nodes={job.nodes}"] if job.nodes > node.nodes else []
    for resource_type, requested in job.requested.items():
        if requested > node.capacities.get(resource_type, 0) * job.nodes:
            options.append(
                f"-r {resource_type}={-(-requested // job.nodes)}" if resource_type not in SINGULAR else _FILE
            )
    if node.memory is not None and job.memory is not None and job.memory > node.memory * job.nodes:
        options.append(f"-r memory={-(-job.memory // job.nodes)}MiB")
    if any(item.slots > 1 and item.type != "cpus" for group in job.resource_groups for item in group):
        # Only a file can describe several slots on one id, and Slurm allocates whole GPUs.
        return f"{'-b scheduler=local ' if on_slurm else ''}{_FILE}"
    return " ".join(dict.fromkeys(options)) or None


def _nodes(count: int) -> str:
    return "a node has" if count == 1 else f"{count} nodes have"


def select_more(job: JobSpec, specs: Sequence[JobSpec]) -> str:
    """Return how to select what `job` needs, directly or through others."""
    upstreams = {spec.id: spec.upstreams for spec in specs}
    needed = downstream([job.id], upstreams.get)
    names = [spec.name for spec in specs if spec.id in needed and spec.mask is not None]
    return f"select what it needs as well, such as -k '(EXPR) or {' or '.join(names[:5])}'"
