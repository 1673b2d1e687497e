"""Whether a workspace may be changed, or is in use: by a runner, by Snakemake, or by queued Slurm jobs."""

import os
from contextlib import suppress
from pathlib import Path

from canary_wf.errors import WorkspaceError
from canary_wf.resources.slurm.jobs import ask_states, ended
from canary_wf.snakemake.lock import is_locked, is_run_elsewhere
from canary_wf.snakemake.parent_workflows import running_parent_workflows
from canary_wf.state.attempt import AttemptFile, living, read_attempt
from canary_wf.state.session_paths import BatchPaths, SessionPaths, session_names
from canary_wf.state.submission import read_submissions
from canary_wf.wording import some


def check_free(out: Path) -> None:
    """Raise WorkspaceError while the newest session in `out` is being run."""
    busy = running_batches(out)
    if busy:
        hint = "wait for it, or stop it first: press Ctrl-C there, or canary-wf cancel"
        raise WorkspaceError(f"a run is in progress (batch {busy[0]})", where=out, hint=hint)
    check_unlocked(out)


def check_unlocked(out: Path) -> None:
    """Raise WorkspaceError while a Snakemake or a `canary-wf run` works in `out`."""
    if is_run_elsewhere(out):
        hint = "watch it with canary-wf status --watch, or end it with canary-wf cancel"
        raise WorkspaceError("a canary-wf run is in progress", where=out, hint=hint)
    if is_locked(out):
        hint = "wait for snakemake; if none runs here any more: snakemake --unlock"
        raise WorkspaceError("the workflow is locked by a running snakemake", where=out, hint=hint)
    for folder in running_parent_workflows(out):
        hint = "wait for it; if no snakemake runs there any more: snakemake --unlock in that folder"
        raise WorkspaceError(f"a larger workflow that uses it is being run in {folder}", where=out, hint=hint)


def check_nothing_queued(out: Path) -> None:
    """Raise WorkspaceError while Slurm has queued batches of the newest session, which read the workflow again."""
    queued = queued_jobs(out)
    if queued:
        what = f"Slurm still has batches of the newest session (job {some(queued)})"
        hint = f"run snakemake again, or take them back: scancel {' '.join(queued[:10])}"
        raise WorkspaceError(what, where=out, hint=hint)


def running_batches(out: Path) -> list[str]:
    """Return the batches of the newest session that have a live runner."""
    # An unreadable or empty attempt file is damage, whose runner, if there is one, ends when it notices; or it belongs
    # to another user, whose Snakemake holds the lock. Neither is a reason not to start anew.
    attempts: list[tuple[Path, AttemptFile]] = []
    for files in _newest_batches(out):
        with suppress(OSError, WorkspaceError):
            path = files.attempt
            attempt = read_attempt(path)
            if attempt is not None and attempt.token and os.access(path, os.F_OK):
                attempts.append((path, attempt))
    alive = living(attempts)
    return [path.parent.name for path, _ in attempts if path in alive]


def queued_jobs(out: Path) -> list[str]:
    """Return the Slurm jobs of batches of the newest session that were submitted and have not ended."""
    waiting = []
    for files in _newest_batches(out):
        submissions = () if os.path.lexists(files.result) else read_submissions(files.submission)
        if submissions and submissions[-1].ended is None and submissions[-1].slurm_job_id is not None:
            waiting.append(submissions[-1].slurm_job_id)
    states = ask_states(waiting)
    return [job for job in waiting if job in states and not ended(states[job]) and states[job] != "COMPLETED"]


def _newest_batches(out: Path) -> list[BatchPaths]:
    names = session_names(out)
    newest = SessionPaths(out, names[-1]) if names else None
    return [] if newest is None else [newest.batch(batch) for batch in newest.batches()]
