"""A batch in a session: its spec, where it stands, and everything a queue may ask of it or do to it."""

from pathlib import Path
from typing import Any

from canary_wf.api.batch import batch_state
from canary_wf.api.batch.backend import Backend, SimpleQueue
from canary_wf.api.batch.batch_spec import BatchSpec
from canary_wf.api.batch.batch_status import BatchStatus, count_categories
from canary_wf.api.batch.carrying import carry
from canary_wf.api.batch.forecast import forecast
from canary_wf.api.job.execution_space import ExecutionSpace
from canary_wf.api.job.job import Job
from canary_wf.api.job.locked import locked
from canary_wf.api.job.resource_holder import ResourceHolder
from canary_wf.api.job.status_line import escaped
from canary_wf.batch.time_limit import MARGIN, time_limit
from canary_wf.errors import InputError
from canary_wf.files.json_files import write_json
from canary_wf.verdict.status import Category, JobPhase, Outcome

QUEUE_TIMEOUT = 4 * 3600.0
"""Seconds a batch may wait to be started, where nobody says."""


class TestBatch(ResourceHolder):
    """A batch of jobs: `spec` says which, `workspace` where its state file lies, `dependencies` what comes before it.

    With `backend_supports_dependencies` it may be submitted as soon as what it depends on has been, because the
    backend keeps the order. `runtime` is the expected length in seconds, `jobid` the backend's name for it, `status`
    its verdict with the number of jobs in each category.
    """

    __test__ = False

    def __init__(
        self,
        spec: BatchSpec,
        workspace: ExecutionSpace,
        dependencies: "list[TestBatch] | None" = None,
        backend_supports_dependencies: bool = False,
    ) -> None:
        super().__init__()
        self.spec = spec
        self.workspace = workspace
        self.dependencies: list[TestBatch] = list(dependencies or ())
        self.backend_supports_dependencies = backend_supports_dependencies
        self.status: BatchStatus = BatchStatus(counts=count_categories(job.status for job in spec.jobs))
        self.jobid: str | None = None
        self._timeout_multiplier = 1.0
        self._queue_timeout = QUEUE_TIMEOUT
        self.runtime: float = self.find_approximate_runtime()
        for job in self.jobs:
            job.batch = self.id

    def __repr__(self) -> str:
        return f"TestBatch({self.id!r}, {len(self.jobs)} jobs, {self.state.phase.value})"

    # -- what it is ----------------------------------------------------------------------------------------------

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

    def times(self) -> tuple[float | None, float | None, float | None]:
        """Return the seconds in total, running, and waiting to be started; None for what is not known (yet)."""
        return self.timekeeper.total, self.timekeeper.running, self.timekeeper.queued

    # -- where it stands -----------------------------------------------------------------------------------------

    def dependency_batches_submitted(self) -> bool:
        """Return whether every batch it depends on was handed to the backend, or needs to be no more."""
        return all(batch.jobid is not None or batch.state.is_done() for batch in self.dependencies)

    def dependency_batches_complete(self) -> bool:
        """Return whether every batch it depends on is over."""
        return all(batch.state.is_done() for batch in self.dependencies)

    @locked
    def refresh_readiness(self) -> None:
        """Look at what its jobs wait for; when none of them can run any more, it is DONE: BLOCKED or SKIPPED.

        Once the batches before it are over, a job that needs one of theirs that was not run is blocked too.
        """
        if self.state.is_done() or self.state.is_running():
            return
        members = {job.id for job in self.jobs}
        for job in self.jobs:
            job.refresh_readiness()
            missing = [one for one in job.upstreams if one.id not in members and not one.is_done()]
            if missing and not job.is_done() and self.dependency_batches_complete():
                job.set_status(outcome=Outcome.BLOCKED.name, reason=f"dependency {missing[0].name} was not run")
                job.state.phase = JobPhase.DONE
        if all(job.is_done() for job in self.jobs):
            self.status = BatchStatus.of_jobs(job.status for job in self.jobs)
            self.state.phase = JobPhase.DONE

    def is_runnable(self) -> bool:
        """Return whether it could still run: it is not over, and one of its jobs can."""
        return not self.state.is_done() and any(job.is_runnable() for job in self.jobs)

    def is_ready(self) -> bool:
        """Return whether it can be submitted now."""
        if not self.state.is_pending() or not self.is_runnable():
            return False
        if self.backend_supports_dependencies:
            return self.dependency_batches_submitted()
        return self.dependency_batches_complete()

    @locked
    def set_status(
        self, category: str | None = None, outcome: str | None = None, reason: str | None = None, code: int = -1
    ) -> None:
        """Set the batch's verdict from names, as `BaseJob.set_status` does.

        A batch that was cancelled by a person, skipped or blocked takes its waiting jobs along. Jobs that have a
        verdict keep it, whatever becomes of the batch.
        """
        status = self.status.changed(category, outcome, reason, code)
        if status.category is Category.SKIP or status.outcome is Outcome.CANCELLED:
            for job in self.jobs:
                if not job.is_done():
                    job.status = status
                    job.state.phase = JobPhase.DONE
        counts = count_categories(job.status for job in self.jobs)
        self.status = BatchStatus(status.outcome, status.reason, status.code, counts)

    # -- running it ----------------------------------------------------------------------------------------------

    def setup(self) -> None:
        """Make its folder and write its state file. Raises WorkspaceError."""
        self.workspace.create()
        self.save()

    def run(self, backend: Backend, queue: SimpleQueue) -> None:
        """Run through `backend` until it is over; its state goes to `queue` when submitted, started and over.

        The last state is DONE and comes whatever happens to the batch; what the backend cannot do is told by `status`.
        Raises CanaryWfError when another thread runs it.
        """
        with self.one_run(f"batch {self.id}"):
            carry(self, backend, queue)

    @locked
    def finish(self) -> None:
        """Conclude it: phase DONE, a verdict from its jobs' unless it has one, run times kept, state files written."""
        if not self.state.is_done():
            self.on_finished()
        if self.status.outcome is Outcome.NONE:
            self.status = BatchStatus.of_jobs(job.status for job in self.jobs)
        for job in self.jobs:
            job.cache_last_run()
            if job.is_done() and job.dropped():
                job.save()
        self.save()

    # -- its state as data ---------------------------------------------------------------------------------------

    @locked
    def getstate(self) -> dict[str, Any]:
        """Return everything about it as JSON can hold it, its jobs' states included."""
        return {**batch_state.state_of(self), "jobs": [job.getstate() for job in self.jobs]}

    @locked
    def setstate(self, data: dict[str, Any]) -> None:
        """Take over what `run` put into the queue, for the batch and its jobs; jobs may be given by id alone.

        Raises WorkspaceError for another batch's state or data of another form.
        """
        batch_state.apply_state(self, data)
        by_id = {job.id: job for job in self.jobs}
        for state in data.get("jobs", ()):
            if isinstance(state, dict) and state.get("id") in by_id:
                by_id[state["id"]].setstate(state)

    @locked
    def save(self) -> None:
        """Replace its one state file at once. Raises WorkspaceError when the disk does not take it."""
        self.workspace.create()
        write_json(self.workspace.joinpath(batch_state.STATE_FILE), batch_state.state_of(self))

    @locked
    def refresh(self) -> None:
        """Take over what the state files of the batch and of its jobs say, as far as they are there."""
        if self.workspace.joinpath(batch_state.STATE_FILE).is_file():
            self.setstate(self.loadconfig(str(self.workspace.dir)))
        for job in self.jobs:
            job.refresh()

    @staticmethod
    def loadconfig(workspace: str) -> dict[str, Any]:
        """Return the content of the state file in a batch's folder. Raises WorkspaceError when missing or damaged."""
        return batch_state.read_state(Path(workspace))


def _positive(value: object, name: str) -> float:
    if not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise InputError(f"{value!r} is not a number above zero", where=name)
    return float(value)
