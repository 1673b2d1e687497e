"""Which kind of node each job is planned for, where a partition has several.

As many jobs as possible are planned for one kind, so that they can share batches; the others for the first kind that
they fit. With the atomic layout jobs that depend on one another are planned for one kind, as they share a batch.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from canary_wf.batch.partition.graph import families
from canary_wf.batch.problem import problem_of
from canary_wf.batch.specification import Layout
from canary_wf.plan.cluster.target import Target
from canary_wf.plan.fit import misfit, split_by_reason
from canary_wf.plan.model import LeftOut
from canary_wf.spec.job_spec import JobSpec

_TORN = "layout:atomic puts it into one batch with jobs that need another kind of node"


class Kinds(NamedTuple):
    """What jobs are planned for: `main` is the kind of most of them, `targets` has that of each of `jobs`."""

    main: Target
    jobs: list[JobSpec]
    targets: list[Target]
    left_out: list[LeftOut]


def choose_kinds(target: Target, jobs: Sequence[JobSpec], layout: Layout) -> Kinds:
    """Return which of `jobs` is planned for `target` or one of its others, and which are left out.

    The kind of most is the first of these that the most jobs fit.
    """
    targets = (target, *target.others)
    misfits = [_misfits(kind, jobs) for kind in targets]
    main = min(range(len(targets)), key=lambda number: len(misfits[number]))
    order = [main, *(number for number in range(len(targets)) if number != main)]
    chosen = {job.id: _first(order, misfits, [job]) for job in jobs}
    nowhere = "; nor does it fit another kind of node" if target.others else ""
    reasons = {job: f"{misfits[main][job]}{nowhere}" for job, number in chosen.items() if number is None}
    if layout == "atomic" and len(targets) > 1:
        for component in _components(jobs):
            together = _first(order, misfits, component)
            if together is not None:
                chosen.update(dict.fromkeys((job.id for job in component), together))
            else:
                torn = [job.id for job in component if chosen[job.id] not in {None, main}]
                reasons |= {job: f"{misfits[main][job]}; {_TORN}" for job in torn}
    kept, left_out = split_by_reason(jobs, reasons)
    return Kinds(targets[main], kept, [targets[chosen[job.id] or 0] for job in kept], left_out)


def _misfits(target: Target, jobs: Iterable[JobSpec]) -> dict[str, str]:
    """Return why jobs, by id, do not fit the nodes of `target`."""
    found = ((job.id, misfit(job, target.node, target.pool, on_slurm=target.scheduler == "slurm")) for job in jobs)
    return {job: reason for job, reason in found if reason is not None}


def _first(order: Iterable[int], misfits: Sequence[Mapping[str, str]], jobs: Collection[JobSpec]) -> int | None:
    """Return the first kind of `order` that takes all of `jobs`."""
    return next((kind for kind in order if not any(job.id in misfits[kind] for job in jobs)), None)


def _components(jobs: Sequence[JobSpec]) -> list[list[JobSpec]]:
    """Return the jobs by what they are connected with."""
    found: dict[int, list[JobSpec]] = {}
    for job, family in zip(jobs, families(problem_of(jobs, [0.0] * len(jobs), {})), strict=True):
        found.setdefault(family, []).append(job)
    return list(found.values())
