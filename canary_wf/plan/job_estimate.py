"""How long a job is expected to run, and where that number comes from."""

from typing import Literal

from canary_wf.spec.job_spec import JobSpec

RuntimeSource = Literal["history", "declared", "default"]

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
