"""Resetting jobs, together with the jobs that they block, so that the next run takes them up again."""

import os
import time
from collections.abc import Iterable, Mapping, Sequence

from canary_wf.errors import CanaryWfError, as_error
from canary_wf.files.folder_removal import remove_anything
from canary_wf.files.plain_files import require_real_folder
from canary_wf.graph import dependents_of, downstream
from canary_wf.spec.job_spec import JobSpec
from canary_wf.state.attempt import claim_batch
from canary_wf.state.events import JobReset
from canary_wf.state.recording import own_attempt
from canary_wf.state.result_copies import remove_copies
from canary_wf.state.session_paths import SessionPaths


def with_blocked(chosen: Iterable[str], blocked: Sequence[JobSpec]) -> set[str]:
    """Return the job ids `chosen`, and those of `blocked` jobs that depend on them, directly or through others."""
    upstreams = {job.id: job.upstreams for job in blocked}
    dependents = dependents_of(upstreams, upstreams.__getitem__)
    roots = set(chosen)
    return roots.union(downstream(roots, dependents.get))


def reset_jobs(paths: SessionPaths, batches: Mapping[str, Sequence[JobSpec]]) -> list[CanaryWfError]:
    """Reset jobs (given by batch) to pending and make their rules due again; return errors.

    Output of the last run stays until the next one. The files that keep Snakemake from running a rule are removed
    first: if the reset is cut short, rules run that find nothing to do, but no job is forgotten. A batch that cannot be
    reset does not stop the others: it adds an error.
    """
    errors: list[CanaryWfError] = []
    if not batches:
        return errors
    for batch in batches:
        require_real_folder(paths.batch(batch).folder)
    done = {batch for batch in batches if os.path.lexists(paths.batch(batch).result)}
    for path in (*paths.report.glob("*"), paths.gate, *(paths.batch(batch).result for batch in batches)):
        remove_anything(path)  # a job may have put a folder in its place
    remove_copies(paths.copies, paths.report / "report.json", paths.gate)
    for batch in batches:
        remove_copies(paths.batch(batch).copies, paths.batch(batch).result)
    for batch, jobs in batches.items():
        try:
            _reset_batch(paths, batch, jobs, done=batch in done)
        except (CanaryWfError, OSError) as error:
            errors.append(as_error(error, batch))
    return errors


def _reset_batch(paths: SessionPaths, batch: str, jobs: Sequence[JobSpec], *, done: bool) -> None:
    attempt = claim_batch(paths.batch(batch).attempt)
    with own_attempt(paths, batch, attempt, "reset", done=done) as recorder:
        now = time.time()
        for job in jobs:
            recorder(JobReset(time=now, job=job.id))
