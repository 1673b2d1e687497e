"""What a batch is: jobs that run together, and the batches that have to come before; and what is expected of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from canary_wf.api.job.job import Job
from canary_wf.batch.problem import LOCK, MEMORY, demand_of, problem_of
from canary_wf.batch.reference_schedule import Schedule, simulate
from canary_wf.errors import InputError
from canary_wf.spec.identity import batch_id
from canary_wf.spec.resource_request import request_of

LAYOUTS = ("flat", "atomic")


@dataclass(eq=False)
class BatchSpec:
    """One batch of `jobs`; in layout ``flat`` none of them depends on another, in ``atomic`` they may.

    `id` is the batch id, the same for the same jobs in any order; `session` that of the jobs ("" when they
    are in none); `rparameters` the most slots of each type that its schedule uses at once; `exclusive` whether one of
    the jobs wants to be alone. Raises InputError for another layout, no jobs, and a job given twice.
    """

    layout: str
    jobs: list[Job]
    dependencies: list["BatchSpec"] = field(default_factory=list)
    id: str = field(init=False)
    session: str = field(init=False)
    rparameters: dict[str, int] = field(init=False)
    exclusive: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self._check()
        self.id = batch_id(job.id for job in self.jobs)
        self.session = self.jobs[0].workspace.session or ""
        self.rparameters = peak_slots(forecast(self.jobs))
        self.exclusive = any(job.exclusive for job in self.jobs)

    def _check(self) -> None:
        if self.layout not in LAYOUTS:
            raise InputError(f"layout {self.layout!r} is not one of {', '.join(LAYOUTS)}", where="batch")
        if not self.jobs:
            raise InputError("has no jobs", where="batch")
        members: set[str] = set()
        for job in self.jobs:
            if job.id in members:
                raise InputError(f"holds job {job.name} twice", where="batch")
            members.add(job.id)
        if self.layout == "atomic":
            return
        for job in self.jobs:
            for upstream in job.upstreams:
                if upstream.id in members:
                    hint = "put them into different batches or use layout atomic"
                    raise InputError(f"is flat, but {job.name} depends on {upstream.name}", where="batch", hint=hint)

    def required_resources(self) -> list[dict[str, Any]]:
        """Return what the batch asks of a resource pool: ``[{"type": str, "slots": 1}, …]``, one item a slot."""
        return request_of(self.rparameters)


def forecast(jobs: Sequence[Job]) -> Schedule:
    """Return the reference schedule of `jobs` on a node that just holds the widest of them, so that any host may do.

    Raises InputError when the jobs depend on one another in a cycle.
    """
    specs = [job.spec for job in jobs]
    node: dict[str, int | None] = {}
    for spec in specs:
        for kind, wanted in demand_of(spec).items():
            node[kind] = max(node.get(kind) or 0, wanted)
    node[MEMORY] = None
    problem = problem_of(specs, [job.runtime for job in jobs], node)
    return simulate(problem, range(len(jobs)))


def peak_slots(schedule: Schedule) -> dict[str, int]:
    """Return the most slots of each type that `schedule` uses at once; cpus and gpus are always among them."""
    peak = {kind: math.ceil(amount) for kind, amount in schedule.peak.items()}
    own = {"cpus", "gpus", MEMORY}
    types = [kind for kind in peak if kind not in own and not kind.startswith(LOCK)]
    further = {kind: peak[kind] for kind in types if peak[kind]}
    return {"cpus": peak.get("cpus", 0), "gpus": peak.get("gpus", 0), **further}
