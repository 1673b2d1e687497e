"""A batch in a session, and the protocols of the backends that run batches."""

from pathlib import Path
from typing import Any, Protocol

from canary_wf.api.batch.batch_spec import BatchSpec, BatchView
from canary_wf.api.batch.batch_state import BatchStatus, count_categories, stored_batch
from canary_wf.api.job.execution_space import ExecutionSpace
from canary_wf.api.job.parts import locked
from canary_wf.errors import CanaryWfError
from canary_wf.files.json_files import read_json, write_json
from canary_wf.verdict.status import Category, JobPhase, Outcome, Status

STATE_FILE = "batch.json"


class SimpleQueue(Protocol):
    """A queue for states, such as `queue.SimpleQueue` and `multiprocessing.SimpleQueue`."""

    def put(self, item: Any, /) -> Any:  # noqa: ANN401 - a state, and whatever the queue returns
        """Put `item` into the queue."""
        ...


class Submission(Protocol):
    """One batch that was submitted to a backend."""

    @property
    def jobid(self) -> str:
        """The backend's name for it."""
        ...

    def wait_for_start(self, timeout: float) -> bool:
        """Return whether the batch started (or is over) within `timeout` seconds."""
        ...

    def wait_for_end(self, timeout: float) -> bool:
        """Return whether the batch is over within `timeout` seconds."""
        ...

    def cancel(self) -> None:
        """End the batch; nothing of it runs any more afterwards."""
        ...

    def failure(self) -> str | None:
        """Return why the batch could not do its work, or None when it did, whatever its jobs' verdicts."""
        ...


class Backend(Protocol):
    """Runs batches, here or elsewhere."""

    def submit(self, batch: "TestBatch") -> Submission:
        """Submit `batch`. The state files of its jobs say how they end. Raises CanaryWfError or OSError."""
        ...


class TestBatch(BatchView):
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
        super().__init__(spec)
        self.workspace = workspace
        self.dependencies: list[TestBatch] = list(dependencies or ())
        self.backend_supports_dependencies = backend_supports_dependencies
        self.status: BatchStatus = BatchStatus(counts=count_categories(job.status for job in spec.jobs))
        self.jobid: str | None = None
        for job in self.jobs:
            job.batch = self.id

    def __repr__(self) -> str:
        return f"TestBatch({self.id!r}, {len(self.jobs)} jobs, {self.state.phase.value})"

    def times(self) -> tuple[float | None, float | None, float | None]:
        """Return the seconds in total, running, and waiting to be started; None for what is not known (yet)."""
        return self.timekeeper.total, self.timekeeper.running, self.timekeeper.queued

    # -- where it stands -----------------------------------------------------------------------------------------

    def dependency_batches_submitted(self) -> bool:
        """Return whether every batch it depends on was submitted, or is over."""
        return all(batch.jobid is not None or batch.state.is_done() for batch in self.dependencies)

    def dependency_batches_complete(self) -> bool:
        """Return whether every batch it depends on is over."""
        return all(batch.state.is_done() for batch in self.dependencies)

    @locked
    def refresh_readiness(self) -> None:
        """Check the dependencies of its jobs; if none of them can run any more, it is DONE: BLOCKED or SKIPPED.

        Once the batches before it are over, a job is blocked, too, if it needs one of their jobs that did not run.
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

        The last state is DONE and comes whatever happens to the batch; `status` says what the backend could not do.
        Raises CanaryWfError when another thread runs it.
        """
        with self.one_run(f"batch {self.id}"):
            self._carry(backend, queue)

    def _carry(self, backend: Backend, queue: SimpleQueue) -> None:
        """Do what `run` says.

        Jobs that were running when the batch was ended are INTERRUPTED; jobs that have a verdict keep it. An exception
        that is not the backend's (Ctrl-C among them) ends the batch, whose last state goes to `queue` all the same, and
        goes on to the caller.
        """
        submission: Submission | None = None
        problem: str | None = None
        try:
            if not all(job.is_done() for job in self.jobs):
                submission = backend.submit(self)
                problem = self._follow(submission, queue)
        except (CanaryWfError, OSError) as error:
            problem = f"could not be submitted: {error}"
        except BaseException as error:  # Ctrl-C too must not leave the submission running
            if submission is not None:
                submission.cancel()
            self._conclude(f"ended by {type(error).__name__}")
            queue.put(self.getstate())
            raise
        self._conclude(problem)
        queue.put(self.getstate())

    def _follow(self, submission: Submission, queue: SimpleQueue) -> str | None:
        """Return why the batch did not do its work, or None when it did."""
        self.jobid = submission.jobid
        self.on_submitted()
        self.save()
        queue.put(self.getstate())
        if not submission.wait_for_start(self.queue_timeout):
            submission.cancel()
            return f"waited longer than {self.queue_timeout:g} s to be started"
        self.on_started()
        self.save()
        queue.put(self.getstate())
        limit = self.timeout * self.timeout_multiplier
        if not submission.wait_for_end(limit):
            submission.cancel()
            return f"ran longer than its limit of {limit:g} s"
        return submission.failure()

    def _conclude(self, problem: str | None) -> None:
        for job in self.jobs:
            if not job.is_done():
                job.refresh()
            if job.state.is_running():
                job.status = Status.of(Outcome.INTERRUPTED, f"its batch {problem or 'ended before it'}")
                job.on_finished()
                job.save()
        if problem is not None:
            self.set_status(outcome=Outcome.INTERRUPTED.name, reason=problem)
        self.finish()

    @locked
    def finish(self) -> None:
        """Conclude it: phase DONE, a verdict from its jobs unless it has one, run times stored, state files written."""
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

    def _state(self) -> dict[str, Any]:
        """Return everything about it but its jobs' own states, as JSON can hold it."""
        status, keeper = self.status, self.timekeeper
        return {
            "id": self.id,
            "session": self.spec.session,
            "layout": self.spec.layout,
            "phase": self.state.phase.value,
            "category": status.category.value,
            "outcome": status.outcome.name,
            "reason": status.reason,
            "code": status.code,
            "counts": dict(status.counts),
            "jobid": self.jobid,
            "runtime": self.runtime,
            "time_limit": self.timeout,
            "submitted": keeper.submitted,
            "started": keeper.started,
            "finished": keeper.finished,
            "resources": self.last_held,
            "measurements": dict(self.measurements.data),
            "rparameters": dict(self.spec.rparameters),
            "dependencies": [dependency.id for dependency in self.dependencies],
            "workspace": self.workspace.getstate(),
            "jobs": [job.id for job in self.jobs],
        }

    @locked
    def getstate(self) -> dict[str, Any]:
        """Return everything about it as JSON can hold it, its jobs' states included."""
        return {**self._state(), "jobs": [job.getstate() for job in self.jobs]}

    @locked
    def setstate(self, data: dict[str, Any]) -> None:
        """Take over what `run` put into the queue, for the batch and its jobs; jobs may be ids alone.

        Raises WorkspaceError for another batch's state or data of another form.
        """
        state = stored_batch(data, self.id)
        self.status = BatchStatus(Outcome[state.outcome], state.reason, state.code, state.counts)
        self.state.phase = state.phase
        self.jobid, self.runtime = state.jobid, state.runtime
        keeper = self.timekeeper
        keeper.submitted, keeper.started, keeper.finished = state.submitted, state.started, state.finished
        self.last_held = state.resources
        self.measurements.data = dict(state.measurements)
        by_id = {job.id: job for job in self.jobs}
        for one in data.get("jobs", ()):
            if isinstance(one, dict) and one.get("id") in by_id:
                by_id[one["id"]].setstate(one)

    @locked
    def save(self) -> None:
        """Replace its one state file at once. Raises WorkspaceError when the disk does not take it."""
        self.workspace.create()
        write_json(self.workspace.joinpath(STATE_FILE), self._state())

    @locked
    def refresh(self) -> None:
        """Update batch and jobs from their state files, as far as these exist."""
        if self.workspace.joinpath(STATE_FILE).is_file():
            self.setstate(self.loadconfig(str(self.workspace.dir)))
        for job in self.jobs:
            job.refresh()

    @staticmethod
    def loadconfig(workspace: str) -> dict[str, Any]:
        """Return the content of the state file in a batch's folder. Raises WorkspaceError when missing or damaged."""
        found: dict[str, Any] = read_json(Path(workspace) / STATE_FILE, dict[str, Any])
        return found
