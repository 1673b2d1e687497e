"""Which kind of node is planned for where a partition has several, and what is told of jobs that fit another one.

All batches are planned for one kind, so that a batch never asks for more than a node has. It is the one that the most
jobs fit. A job that fits another kind only is left out, but not without a word about how it can be run.
"""

from collections.abc import Sequence

import msgspec

from canary_wf.job.spec import JobSpec
from canary_wf.plan.fit import misfit, split_by_fit
from canary_wf.plan.model import LeftOut
from canary_wf.plan.target import Target


def choose_kind(target: Target, jobs: Sequence[JobSpec]) -> tuple[Target, list[JobSpec], list[LeftOut]]:
    """Return `target` or one of its others, the first that leaves out the fewest of `jobs`.

    With it come the jobs that fit it, and those that are left out.
    """
    kept, left_out = split_by_fit(jobs, target.node, target.pool)
    chosen = target
    for other in target.others if left_out else ():
        fitting, rest = split_by_fit(jobs, other.node, other.pool)
        if len(rest) < len(left_out):
            chosen, kept, left_out = other, fitting, rest
    others = [other for other in (target, *target.others) if other is not chosen]
    specs = {job.id: job for job in jobs}
    return chosen, kept, [_with_advice(job, specs[job.id], chosen, others) for job in left_out]


def _with_advice(left_out: LeftOut, job: JobSpec, chosen: Target, others: Sequence[Target]) -> LeftOut:
    """Return `left_out` with the kind of node that would take the job, where there is one, and how to plan for it."""
    if misfit(job, chosen.node, chosen.pool) is None:
        return left_out
    fitting = next((other for other in others if misfit(job, other.node, other.pool) is None), None)
    if fitting is None:
        return left_out
    sizes = {kind: fitting.node.capacities.get(kind, 0) for kind in ("cpus", "gpus")}
    options = [f"-r {kind}={size}" for kind, size in sizes.items()]
    options += [] if fitting.node.memory is None else [f"-r memory={fitting.node.memory}"]
    advice = f"but nodes with {sizes['cpus']} CPUs and {sizes['gpus']} GPUs would take it: plan for these"
    return msgspec.structs.replace(left_out, reason=f"{left_out.reason}; {advice} with {' '.join(options)}")
