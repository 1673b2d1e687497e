"""What is known of a batch before it runs: its jobs, what it takes, and how long it may wait and run."""

from typing import Any

from canary_wf.api.batch.batch_spec import BatchSpec, forecast
from canary_wf.api.job.base_job import ResourceHolder
from canary_wf.api.job.job import Job
from canary_wf.api.job.status_line import escaped
from canary_wf.batch.time_limit import MARGIN, time_limit
from canary_wf.errors import InputError

QUEUE_TIMEOUT = 4 * 3600.0
"""Seconds a batch may wait to be started, where nobody says."""


class BatchView(ResourceHolder):
    """The part of a batch that its `spec` answers for. `runtime` is the expected length in seconds."""

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
        """Return ``batch ID (N jobs)``, escaped for ``style`` (none, rich or html); other options are passed over."""
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
