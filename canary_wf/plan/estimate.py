"""How long a job is expected to run, where that number comes from, and how often the job may be run again."""

from typing import NamedTuple

from canary_wf.batch.time_limit import Retries
from canary_wf.history.run_times import History
from canary_wf.spec.batch_slice import RuntimeSource
from canary_wf.spec.job_spec import JobSpec
from canary_wf.verdict import retry_policy as retry

DEFAULT_PART = 0.25
"""Of its time limit, where neither history nor the job says what a job takes."""


def estimated_runtime(job: JobSpec, known: float | None) -> tuple[float, RuntimeSource]:
    """Return the seconds `job` is expected to take, and where that comes from.

    `known` is what earlier runs say in seconds, None when there was none. A time beyond the job's limit is taken as it
    is: it says that the limit is wrong, not what the job needs.
    """
    if known is not None:
        return known, "history"
    if job.runtime is not None:
        return job.runtime, "declared"
    return job.timeout * DEFAULT_PART, "default"


class Estimate(NamedTuple):
    """Seconds that a job is expected to take, where that comes from, and what it says where that is above the limit."""

    seconds: float
    source: RuntimeSource
    above: float | None = None


def expected_runtime(job: JobSpec, history: History) -> Estimate:
    """Return what `job` is expected to take: no more than its time limit, which ends it whatever it needs."""
    seconds, source = estimated_runtime(job, history.estimate(job.id))
    return Estimate(seconds, source) if seconds <= job.limit else Estimate(job.limit, source, seconds)


def room_for(policy: retry.RetryPolicy) -> Retries:
    """Return how many further runs the time limits of batches have to leave room for under a retry policy."""
    return Retries(runs=retry.others(policy), hangs=retry.timeouts(policy))
