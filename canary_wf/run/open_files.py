"""How many files the runner may have open: one for each leased id, three for each running job, and its own."""

import resource

from canary_wf.spec.batch_slice import PlannedBatch

_OWN = 64
"""Open files of the runner's own: journal, state files, libraries."""


def allow_open_files(batch: PlannedBatch) -> None:
    """Raise this process's limit of open files, within what the system allows, where `batch` needs more."""
    wanted = _OWN + 4 * batch.cpus + batch.gpus + sum(batch.resources.values())
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
