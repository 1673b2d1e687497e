"""What is expected of jobs that run together: the reference schedule of `Job` objects on the node they need."""

import math
from collections.abc import Sequence

from canary_wf.api.job.job import Job
from canary_wf.batch.problem import LOCK, MEMORY, demand_of, problem_of
from canary_wf.batch.reference_schedule import Schedule, simulate


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
