"""Cancelling a run: every job without a verdict becomes CANCELLED, and no runner continues it.

Each batch is claimed from its runner. That runner then ends its jobs and writes nothing more, and a runner that starts
later finds nothing to run.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from canary_wf.errors import CanaryWfError, as_error
from canary_wf.recovery.closing_verdicts import give_verdict
from canary_wf.recovery.reconcile import clean_up
from canary_wf.resources.slurm.jobs import cancel
from canary_wf.state.attempt import Attempt, SupersededError, claim_batch, read_attempt
from canary_wf.state.recording import own_attempt
from canary_wf.state.session_paths import SessionPaths
from canary_wf.state.submission import read_submissions
from canary_wf.verdict.status import Outcome

REASON = "cancelled by canary-wf cancel"


def cancel_jobs(paths: SessionPaths, batches: Mapping[str, Sequence[str]]) -> tuple[int, list[CanaryWfError]]:
    """Cancel the unfinished jobs of `batches` (batch id → ids of its jobs); return their number, and errors.

    A runner on this machine is ended; one elsewhere is cancelled with its Slurm job, or ends itself within a heartbeat.
    A batch that cannot be cancelled, because its files are not writable or a process does not end, does not stop the
    others from being cancelled: it adds an error.
    """
    errors: list[CanaryWfError] = []
    unfinished = {batch: jobs for batch, jobs in batches.items() if not os.path.lexists(paths.batch(batch).result)}
    cancel(_slurm_jobs(paths, unfinished))
    cancelled = 0
    for batch, jobs in unfinished.items():
        try:
            cancelled += _cancel_batch(paths, batch, jobs)
        except (CanaryWfError, OSError) as error:
            errors.append(as_error(error, batch))
    return cancelled, errors


def _slurm_jobs(paths: SessionPaths, batches: Iterable[str]) -> list[str]:
    newest = [read_submissions(paths.batch(batch).submission)[-1:] for batch in batches]
    return [one.slurm_job_id for found in newest for one in found if one.ended is None and one.slurm_job_id]


def _cancel_batch(paths: SessionPaths, batch: str, jobs: Iterable[str]) -> int:
    with own_attempt(paths, batch, _claim_now(paths.batch(batch).attempt), "cancelled") as recorder:
        clean_up(recorder)
        open_jobs = [job for job in jobs if not recorder.state.record(job).status.is_final]
        give_verdict(recorder, open_jobs, Outcome.CANCELLED, REASON)
    return len(open_jobs)


def _claim_now(path: Path) -> Attempt:
    """Claim the batch of `path` without waiting for a runner elsewhere, whose writes no longer count."""
    while True:
        with suppress(SupersededError):  # a runner claimed it just now: claim it from that one
            return claim_batch(path, to_run=False, only_from=read_attempt(path))
