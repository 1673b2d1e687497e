"""`canary-wf rerun`: reset jobs by status or name; the next `snakemake` runs just those."""

import sys
from pathlib import Path

import click

from canary_wf.cli.jobs import find_job
from canary_wf.cli.options import out_option
from canary_wf.errors import UsageError, WorkspaceError
from canary_wf.hooks.lock import workspace_lock
from canary_wf.hooks.reset import reset_jobs, with_blocked
from canary_wf.job.status import Outcome
from canary_wf.plan.model import PlannedJob
from canary_wf.plan.store import newest_session
from canary_wf.report.session import SessionState, load_session
from canary_wf.wording import count, next_command
from canary_wf.workflow.writer import check_free


@click.command("rerun")
@click.argument("jobs", nargs=-1, metavar="[JOB]...")
@out_option
@click.option("--failed", is_flag=True, help="All jobs that count as failed (the default).")
@click.option("--only", multiple=True, metavar="OUTCOME", help="Jobs with this outcome, such as TIMEOUT; repeatable.")
def command(*, jobs: tuple[str, ...], out: Path, failed: bool, only: tuple[str, ...]) -> None:
    """Reset jobs, and what they had blocked, so that the next snakemake runs just those."""
    out = out.absolute()
    paths = newest_session(out)
    check_free(out)
    state = load_session(paths)
    chosen = {job.id for job in _chosen(state, jobs, only, failed=failed)}
    blocked = [job for job in state.plan.jobs if state.record(job).status.outcome is Outcome.BLOCKED]
    resetting = with_blocked(chosen, blocked)
    by_batch: dict[str, list[PlannedJob]] = {}
    for job in state.plan.jobs:
        if job.id in resetting:
            by_batch.setdefault(job.batch, []).append(job)
    if by_batch:
        with workspace_lock(out):
            reset_jobs(paths, by_batch)
    sys.stdout.write(f"Reset {count(len(resetting), 'job')} in {count(len(by_batch), 'batch', 'batches')}.\n")
    if by_batch:
        sys.stdout.write(f"Next: {next_command(out, state.plan.scheduler)}\n")


def _chosen(state: SessionState, names: tuple[str, ...], only: tuple[str, ...], *, failed: bool) -> list[PlannedJob]:
    words = [word for text in only for word in text.split(",") if word]
    if only:
        # `--only TIMEOUT FAILED`: further outcomes may follow without their own option.
        words += [name for name in names if name.upper() in Outcome.__members__]
        names = tuple(name for name in names if name.upper() not in Outcome.__members__)
    outcomes = {_outcome(word) for word in words}
    found = [job for job in state.plan.jobs if state.record(job).status.outcome in outcomes]
    found += [find_job(state.plan.jobs, name) for name in names]
    if failed or not (only or names):
        found += state.failed
    if not state.begun and found:
        raise WorkspaceError("has not run yet", where=f"session {state.plan.session}")
    return found


def _outcome(word: str) -> Outcome:
    if word.upper() not in Outcome.__members__:
        known = ", ".join(outcome.name for outcome in Outcome if outcome is not Outcome.NONE)
        raise UsageError(f"{word!r} is not an outcome", where="--only", hint=f"write one of {known}")
    return Outcome[word.upper()]
