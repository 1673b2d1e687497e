"""What a job is expected to take by its history, and what a batch is allowed to take."""

from canary_wf.batch.time_limit import MARGIN, START_UP, Again, time_limit
from canary_wf.job import retry
from canary_wf.job.estimate import DEFAULT_PART, estimated_runtime
from canary_wf.job.history import History
from canary_wf.job.spec import JobSpec
from canary_wf.plan.batch_slice import RuntimeSource

__all__ = ["DEFAULT_PART", "MARGIN", "START_UP", "expected_runtime", "room_for", "time_limit"]


def expected_runtime(job: JobSpec, history: History) -> tuple[float, RuntimeSource]:
    """Return the seconds `job` is expected to take, and where that comes from."""
    return estimated_runtime(job, history.estimate(job.id))


def room_for(policy: retry.RetryPolicy) -> Again:
    """Return how many further runs the time limits of batches have to leave room for under a retry policy."""
    return Again(runs=retry.others(policy), hangs=retry.timeouts(policy))
