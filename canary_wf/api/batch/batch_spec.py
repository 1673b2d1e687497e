"""A batch before it runs: its jobs, the resources they need together, how long it may wait and run."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from canary_wf.api.job.base_job import ResourceHolder
from canary_wf.api.job.job import Job
from canary_wf.api.job.status_line import escaped
from canary_wf.batch.problem import LOCK, MEMORY, demand_of, problem_of
from canary_wf.batch.reference_schedule import Schedule, simulate
from canary_wf.batch.time_limit import MARGIN, time_limit
from canary_wf.errors import InputError
from canary_wf.spec.identity import batch_id
from canary_wf.spec.resource_request import request_of

QUEUE_TIMEOUT = 4 * 3600.0
"""Seconds that a batch may wait to be started, by default."""

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


class BatchView(ResourceHolder):
    """The part of a batch that comes from its `spec`. `runtime` is the expected length in seconds."""

    def __init__(self, spec: BatchSpec) -> None:
        super().__init__()
        self.spec = spec
        self._timeout_multiplier = 1.0
        self._queue_timeout = QUEUE_TIMEOUT
        self.runtime: float = self.find_approximate_runtime()

    @property
    def id(self) -> str:
        """The batch id, a hash of the jobs' ids (docs/reference/contract.md, "Names and ids")."""
        return self.spec.id

    @property
    def jobs(self) -> list[Job]:
        """The jobs of the batch."""
        return self.spec.jobs

    @property
    def exclusive(self) -> bool:
        """Whether nothing else may be started beside it."""
        return self.spec.exclusive

    def display_name(self, **kwargs: Any) -> str:  # noqa: ANN401 - each kind of job has options of its own
        """Return ``batch ID (N jobs)``, escaped for ``style`` (none, rich or html); other options are ignored."""
        many = "1 job" if len(self.jobs) == 1 else f"{len(self.jobs)} jobs"
        return escaped(f"batch {self.id} ({many})", kwargs.get("style", "none"))

    # -- how much it takes ---------------------------------------------------------------------------------------

    @property
    def cpus(self) -> int:
        """The most CPU slots its jobs use at once."""
        return self.spec.rparameters["cpus"]

    @property
    def gpus(self) -> int:
        """The most GPU slots its jobs use at once."""
        return self.spec.rparameters["gpus"]

    def required_resources(self) -> list[dict[str, Any]]:
        """Return what it asks of a resource pool: ``[{"type": str, "slots": 1}, …]``, one item a slot."""
        return self.spec.required_resources()

    def cost(self) -> float:
        """Return the length of the vector of CPUs and expected seconds; a queue starts the costliest first."""
        return float((self.cpus**2 + self.runtime**2) ** 0.5)

    def find_approximate_runtime(self) -> float:
        """Return the length in seconds of the simulated reference schedule of all its jobs."""
        return forecast(self.jobs).length

    def estimated_runtime(self) -> float:
        """Return the seconds it is prudent to expect: `runtime` and a margin for jobs that take longer than before."""
        return MARGIN * self.runtime

    @property
    def timeout(self) -> float:
        """The seconds (whole minutes) it may run: a margin, and room for any one job to run into its own limit."""
        return time_limit(self.runtime, [(job.runtime, job.total_timeout()) for job in self.jobs])

    @property
    def timeout_multiplier(self) -> float:
        """What `timeout` is multiplied by, such as on a machine that is slow; may be set to a number above zero."""
        return self._timeout_multiplier

    @timeout_multiplier.setter
    def timeout_multiplier(self, value: float) -> None:
        self._timeout_multiplier = _positive(value, "timeout_multiplier")

    @property
    def queue_timeout(self) -> float:
        """The seconds it may wait to be started, four hours unless set."""
        return self._queue_timeout

    @queue_timeout.setter
    def queue_timeout(self, value: float) -> None:
        self._queue_timeout = _positive(value, "queue_timeout")

    def total_timeout(self) -> float:
        """Return the seconds after which a queue may give it up: waiting and running together."""
        return self.queue_timeout + self.timeout * self.timeout_multiplier


def _positive(value: object, name: str) -> float:
    if not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise InputError(f"{value!r} is not a number above zero", where=name)
    return float(value)
