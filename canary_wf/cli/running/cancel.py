"""`canary-wf cancel`: end the newest session's run for good."""

import sys
from pathlib import Path

import click

from canary_wf.cli.help_page import DocumentedCommand
from canary_wf.cli.options import workspace_option
from canary_wf.errors import raise_last
from canary_wf.plan.store import load_plan, newest_session
from canary_wf.recovery.cancellation import cancel_jobs
from canary_wf.snakemake.in_use import queued_jobs, running_batches
from canary_wf.snakemake.lock import is_locked, is_run_elsewhere
from canary_wf.state.trust import require_trusted
from canary_wf.wording import count


@click.command("cancel", cls=DocumentedCommand)
@workspace_option
def command(*, out: Path) -> None:
    """Cancel the newest session: end running jobs, withdraw batches from Slurm's queue, and start nothing more.

    Jobs with a verdict keep it, all others become CANCELLED. To run some of them after all, use canary-wf rerun.
    """
    paths = newest_session(out)
    require_trusted(out, [paths.session])
    plan = load_plan(paths.plan)
    was_running = _program(out) is not None or running_batches(out) or queued_jobs(out)
    cancelled, errors = cancel_jobs(paths, {batch.id: batch.jobs for batch in plan.batches})
    if cancelled or was_running:
        sys.stdout.write(f"Cancelled {count(cancelled, 'job')}{'' if was_running else '; nothing was running'}.\n")
    elif not errors:
        sys.stdout.write("Nothing runs, and no job is left to cancel.\n")
    program = _program(out)
    if program is not None:
        left = "is still running but has nothing left to do: wait for it, or press Ctrl-C there"
        sys.stdout.write(f"{program} {left}.\n")
    raise_last(errors)


def _program(out: Path) -> str | None:
    """Return the program that runs the workflow of `out`, as it was typed, or None."""
    return "canary-wf run" if is_run_elsewhere(out) else "snakemake" if is_locked(out) else None
