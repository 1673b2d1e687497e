"""Carrying one batch through a backend: submitted, started, ended, with its limits kept and its jobs' results read."""

from typing import TYPE_CHECKING

from canary_wf.api.batch.backend import Backend, SimpleQueue, Submission
from canary_wf.errors import CanaryWfError
from canary_wf.verdict.status import Outcome, Status

if TYPE_CHECKING:
    from canary_wf.api.batch.testbatch import TestBatch


def carry(batch: "TestBatch", backend: Backend, queue: SimpleQueue) -> None:
    """Run `batch` and put its state into `queue` when it was submitted, when it started, and last when it is over.

    Jobs that were running when the batch was ended are INTERRUPTED; jobs that have a verdict keep it. An exception
    that is not the backend's (Ctrl-C among them) ends the batch, whose last state goes to `queue` all the same, and
    goes on to the caller.
    """
    submission: Submission | None = None
    problem: str | None = None
    try:
        if not all(job.is_done() for job in batch.jobs):
            submission = backend.submit(batch)
            problem = _follow(batch, submission, queue)
    except (CanaryWfError, OSError) as error:
        problem = f"could not be submitted: {error}"
    except BaseException as error:  # Ctrl-C too must not leave the submission running
        if submission is not None:
            submission.cancel()
        _conclude(batch, f"ended by {type(error).__name__}")
        queue.put(batch.getstate())
        raise
    _conclude(batch, problem)
    queue.put(batch.getstate())


def _follow(batch: "TestBatch", submission: Submission, queue: SimpleQueue) -> str | None:
    """Return why the batch did not do its work, or None when it did."""
    batch.jobid = submission.jobid
    batch.on_submitted()
    batch.save()
    queue.put(batch.getstate())
    if not submission.wait_for_start(batch.queue_timeout):
        submission.cancel()
        return f"waited longer than {batch.queue_timeout:g} s to be started"
    batch.on_started()
    batch.save()
    queue.put(batch.getstate())
    limit = batch.timeout * batch.timeout_multiplier
    if not submission.wait_for_end(limit):
        submission.cancel()
        return f"ran longer than its limit of {limit:g} s"
    return submission.failure()


def _conclude(batch: "TestBatch", problem: str | None) -> None:
    for job in batch.jobs:
        if not job.is_done():
            job.refresh()
        if job.state.is_running():
            job.status = Status.of(Outcome.INTERRUPTED, f"its batch {problem or 'ended before it'}")
            job.on_finished()
            job.save()
    if problem is not None:
        batch.set_status(outcome=Outcome.INTERRUPTED.name, reason=problem)
    batch.finish()
