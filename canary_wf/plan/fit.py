"""Which jobs fit a node, and why the others are left out of the plan."""

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
    """Return the jobs that can run on `node`, and those that cannot or that need one that cannot, with the reason.

    `pool` tells how the slots of one node are spread over ids, which matters to jobs that ask for several on one.
    """
    reasons = {job.id: reason for job in jobs if (reason := misfit(job, node, pool)) is not None}
    return split_by_reason(jobs, reasons)


def split_by_reason(jobs: Sequence[JobSpec], misfits: Mapping[str, str]) -> tuple[list[JobSpec], list[LeftOut]]:
    """Split `jobs` likewise; `misfits` says which of them, by id, cannot run, and why."""
    reasons = dict(misfits)
    names = {job.id: job.name for job in jobs}
    needs = {job.id: [edge.job for edge in job.dependencies if not job.is_order_only(edge)] for job in jobs}
    dependents = dependents_of(needs, needs.__getitem__)
    for job_id, lost in downstream(misfits, dependents.get).items():
        reasons[job_id] = f"needs {names[lost]}, which is left out"
    kept = [_without(job, reasons) for job in jobs if job.id not in reasons]
    return kept, [LeftOut(job.id, job.name, reasons[job.id]) for job in jobs if job.id in reasons]


def _without(job: JobSpec, left_out: Mapping[str, str]) -> JobSpec:
    """Return `job` without the dependencies, all for the order only, on jobs that are left out."""
    if not any(edge.job in left_out for edge in job.dependencies):
        return job
    kept = tuple(edge for edge in job.dependencies if edge.job not in left_out)
    return msgspec.structs.replace(job, dependencies=kept)


def misfit(job: JobSpec, node: NodeShape, pool: ResourcePool | None = None, *, on_slurm: bool = False) -> str | None:
    """Return why `job` fits on no node of this shape, or None when it fits."""
    if job.nodes > node.nodes:
        return f"needs {job.nodes} nodes, a job may use {node.nodes}"
    for kind, wanted in {"cpus": job.cpus, "gpus": job.gpus, **job.resources}.items():
        there = node.capacities.get(kind, 0) * job.nodes
        if wanted > there:
            what = f"needs {amount(wanted, kind)}, {_nodes(job.nodes)} {there or 'none'}"
            return _too_large(job, pool, on_slurm=on_slurm) or what
    if node.memory is not None and job.memory is not None and job.memory > node.memory * job.nodes:
        return f"needs {job.memory} MiB of memory, {_nodes(job.nodes)} {node.memory * job.nodes}"
    if pool is not None and job.resource_groups:
        reason = pool.accommodates(job_request(job)).reason
        return reason and ((on_slurm and _too_large(job, pool, on_slurm=True)) or reason)
    return None


def _too_large(job: JobSpec, pool: ResourcePool | None, *, on_slurm: bool) -> str | None:
    """Return which item of `job` asks for more slots of one id than any id of the pool has, where there are ids."""
    if pool is None:
        return None
    for kind, slots in largest_items([job])[0].items():
        most = max((int(item["slots"]) for item in pool.resources.get(kind, ())), default=0)
        if 0 < most < slots:
            here = " on Slurm" if on_slurm and kind in {"cpus", "gpus"} else ""
            return f"needs {slots} slots of one of the {kind}, which have at most {count(most, 'slot')} each{here}"
    return None


def remedy(job: JobSpec, node: NodeShape, *, on_slurm: bool = False) -> str | None:
    """Return the options that describe a node which `job` fits, or None when it does not take another node."""
    options = [f"-r nodes={job.nodes}"] if job.nodes > node.nodes else []
    for kind, wanted in {"cpus": job.cpus, "gpus": job.gpus, **job.resources}.items():
        if wanted > node.capacities.get(kind, 0) * job.nodes:
            options.append(f"-r {kind}={-(-wanted // job.nodes)}" if kind not in SINGULAR else _FILE)
    if node.memory is not None and job.memory is not None and job.memory > node.memory * job.nodes:
        options.append(f"-r memory={-(-job.memory // job.nodes)}MiB")
    if any(item.slots > 1 and item.type != "cpus" for group in job.resource_groups for item in group):
        # Of several slots on one id only a file can tell, and Slurm hands out whole GPUs.
        return f"{'-b scheduler=local ' if on_slurm else ''}{_FILE}"
    return " ".join(dict.fromkeys(options)) or None


def _nodes(count: int) -> str:
    return "a node has" if count == 1 else f"{count} nodes have"
