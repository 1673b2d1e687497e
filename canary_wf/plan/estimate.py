"""What a job is expected to take by its history, and how often it may be run again."""

from canary_wf.batch.time_limit import Again
from canary_wf.job import retry
from canary_wf.job.estimate import estimated_runtime
from canary_wf.job.history import History
from canary_wf.job.spec import JobSpec
from canary_wf.plan.batch_slice import RuntimeSource


def expected_runtime(job: JobSpec, history: History) -> tuple[float, RuntimeSource]:
    """Return the seconds `job` is expected to take, and where that comes from."""
    return estimated_runtime(job, history.estimate(job.id))


def room_for(policy: retry.RetryPolicy) -> Again:
    """Return how many further runs the time limits of batches have to leave room for under a retry policy."""
    return Again(runs=retry.others(policy), hangs=retry.timeouts(policy))
