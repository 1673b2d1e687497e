"""Batches that an earlier Snakemake submitted and that still wait or run; they are awaited, not submitted again."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from canary_wf.errors import CanaryWfError
from canary_wf.resources.slurm.jobs import ask_states, lives
from canary_wf.state.journal import read_journal
from canary_wf.state.session_paths import BatchPaths, SessionPaths
from canary_wf.state.submission import read_submissions


def live_job(properties: Mapping[str, Any]) -> str | None:
    """Return the Slurm job that still carries the batch of a job script with `properties`, or None.

    Slurm is only asked if the batch was submitted before. A batch whose state cannot be read is submitted: its runner
    makes sure that no job runs twice at a time.
    """
    files = _batch_of(properties)
    known = [] if files is None else _known_jobs(files)
    states = ask_states(known)
    return next((job for job in known if lives(states.get(job, ""))), None)


def _batch_of(properties: Mapping[str, Any]) -> BatchPaths | None:
    """Return the files of the batch, which is known from the rule's plan and result."""
    plan = properties.get("params", {}).get("plan")
    outputs = properties.get("output", ())
    if not isinstance(plan, str) or len(outputs) != 1:
        return None
    try:
        return SessionPaths.of_plan(Path(plan)).batch(Path(outputs[0]).parent.name)
    except CanaryWfError:
        return None


def _known_jobs(files: BatchPaths) -> list[str]:
    """Return the Slurm jobs as which the batch was last submitted and last started, in this order."""
    submissions = read_submissions(files.submission)
    found = [submissions[-1].slurm_job_id] if submissions and submissions[-1].ended is None else []
    if files.journal.exists():
        attempt = read_journal(files.journal).attempt
        found.append(None if attempt is None else attempt.slurm_job_id)
    return list(dict.fromkeys(job for job in found if job))
