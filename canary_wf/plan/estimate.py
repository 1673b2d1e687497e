"""What a job is expected to take by its history, and how often it may be run again."""

from typing import NamedTuple

from canary_wf.batch.time_limit import Again
from canary_wf.history.run_times import History
from canary_wf.plan.job_estimate import estimated_runtime
from canary_wf.spec.batch_slice import RuntimeSource
from canary_wf.spec.job_spec import JobSpec
from canary_wf.verdict import retry_policy as retry


class Estimate(NamedTuple):
    """Seconds that a job is expected to take, where that comes from, and what it says where that is above the limit."""

    seconds: float
    source: RuntimeSource
    above: float | None = None


def expected_runtime(job: JobSpec, history: History) -> Estimate:
    """Return what `job` is expected to take: no more than its time limit, which ends it whatever it needs."""
    seconds, source = estimated_runtime(job, history.estimate(job.id))
    return Estimate(seconds, source) if seconds <= job.limit else Estimate(job.limit, source, seconds)


def room_for(policy: retry.RetryPolicy) -> Again:
    """Return how many further runs the time limits of batches have to leave room for under a retry policy."""
    return Again(runs=retry.others(policy), hangs=retry.timeouts(policy))
