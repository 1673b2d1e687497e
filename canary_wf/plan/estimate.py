"""What a job is expected to take, and what a batch is allowed to take."""

import math
from collections.abc import Sequence

from canary_wf.job.history import History
from canary_wf.job.spec import JobSpec
from canary_wf.plan.model import RuntimeSource

DEFAULT_PART = 0.25
"""Of its time limit, where neither history nor the job says what a job takes."""

MARGIN = 1.25
"""How much longer than simulated a batch may take before it runs into its limit."""

START_UP = 60.0
"""Seconds a batch is allowed for starting and for slow file systems."""


def expected_runtime(job: JobSpec, history: History) -> tuple[float, RuntimeSource]:
    """Return the seconds `job` is expected to take, never more than its time limit, and where that comes from."""
    known = history.estimate(job.id)
    if known is not None:
        return min(known, job.timeout), "history"
    if job.runtime is not None:
        return min(job.runtime, job.timeout), "declared"
    return job.timeout * DEFAULT_PART, "default"


def time_limit(length: float, jobs: Sequence[tuple[float, float]]) -> float:
    """Return the limit (seconds, whole minutes) of a batch of simulated `length` with ``(runtime, timeout)`` jobs.

    There is room for a margin over the schedule and for any one job to run into its own time limit, so that one that
    hangs does not take the others with it.
    """
    slack = max((timeout - runtime for runtime, timeout in jobs), default=0.0)
    return 60.0 * math.ceil((MARGIN * length + slack + START_UP) / 60.0)
