"""The expected run time of a job, the source of that number, and the retries that time limits allow for."""

from typing import NamedTuple

from canary_wf.batch.time_limit import Retries
from canary_wf.history.run_times import History
from canary_wf.spec.batch_slice import RuntimeSource
from canary_wf.spec.job_spec import JobSpec
from canary_wf.verdict import retry_policy as retry

DEFAULT_SHARE = 0.25
"""Share of its time limit that a job is expected to take, if neither history nor the job itself has a run time."""


def estimated_runtime(job: JobSpec, known: float | None) -> tuple[float, RuntimeSource]:
    """Return the seconds `job` is expected to take, and the source of that number.

    `known` is the estimate from earlier runs in seconds, None without earlier runs. A time beyond the job's limit is
    returned unchanged: it shows that the limit is wrong.
    """
    if known is not None:
        return known, "history"
    if job.runtime is not None:
        return job.runtime, "declared"
    return job.timeout * DEFAULT_SHARE, "default"


class Estimate(NamedTuple):
    """The expected run time in seconds, its source, and the uncapped time if that exceeds the job's time limit."""

    seconds: float
    source: RuntimeSource
    above: float | None = None


def expected_runtime(job: JobSpec, history: History) -> Estimate:
    """Return the expected run time of `job`, capped at its time limit, which ends the job in any case."""
    seconds, source = estimated_runtime(job, history.estimate(job.id))
    return Estimate(seconds, source) if seconds <= job.limit else Estimate(job.limit, source, seconds)


def retries_allowed(policy: retry.RetryPolicy) -> Retries:
    """Return how many retries the time limits of batches must have room for under a retry policy."""
    return Retries(runs=retry.others(policy), hangs=retry.timeouts(policy))
