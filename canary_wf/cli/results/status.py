"""`canary-wf status`: the state of a session's jobs, read from the state files only."""

import sys
import time
from pathlib import Path
from typing import Any

import click

from canary_wf.cli.completion import statuses
from canary_wf.cli.help_page import DocumentedCommand
from canary_wf.cli.options import WholeNumber, json_option, session_option, workspace_option
from canary_wf.cli.output import print_json
from canary_wf.errors import ExitCode, UsageError
from canary_wf.plan.explanation.wording import left_out_lines
from canary_wf.plan.store import find_session, newest_session
from canary_wf.report.closing import print_closing
from canary_wf.report.failures import blocked_jobs, damage, print_failures
from canary_wf.report.live.progress import progress_of
from canary_wf.report.live.queue import SlurmQueue, queue_lines
from canary_wf.report.selection import ORDERS, in_order, select, with_keywords
from canary_wf.report.session import SessionState, load_session
from canary_wf.report.table import print_jobs
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.verdict.status import JobPhase

_LINES = 5
_SLOWEST = "10"


@click.command("status", cls=DocumentedCommand)
@workspace_option
@session_option
@json_option
@click.option(
    "-r",
    "which",
    metavar="STATE",
    shell_complete=statuses,
    help="List these jobs: all, failed, passed, flaky, a category, outcome, class or phase.",
)
@click.option("-k", "keywords", metavar="EXPR", help="List only jobs whose keywords or names satisfy EXPR.")
@click.option("--sort", "order", type=click.Choice(ORDERS), help="List the jobs in this order.")
@click.option(
    "--durations",
    "slowest",
    type=WholeNumber(0),
    is_flag=False,
    flag_value=_SLOWEST,
    metavar="[N]",
    help="List the N jobs that took longest (10; 0: all).",
)
@click.option("-v", "--verbose", is_flag=True, help="Show the last lines of output of each failure.")
@click.option(
    "-n", "--lines", type=WholeNumber(0), metavar="N", help="Lines of output shown of each failure (with -v: 5)."
)
@click.option("--watch", "watching", is_flag=True, help="Show the run until it is over.")
def command(
    *,
    out: Path,
    session: str | None,
    as_json: bool,
    verbose: bool,
    lines: int | None,
    watching: bool,
    **wanted: Any,  # noqa: ANN401 - what is wanted of the jobs, and in which order
) -> int:
    """Show where the jobs of a session stand. The exit code is 1 if jobs failed or were not run.

    Without -r, -k, --sort and --durations: each failure with its reason and its log file, and the summary.
    """
    paths = find_session(out, session)
    if watching:
        if as_json:
            raise UsageError("does not go with --json", where="--watch")
        from canary_wf.report.live.follow import watch

        state = watch(paths)
    else:
        state = SlurmQueue().explain(load_session(paths))
    jobs = _listed(state, **wanted)
    if as_json:
        print_json(state.as_dict(jobs))
        return ExitCode.DONE if state.passed else ExitCode.JOBS_FAILED
    if paths != newest_session(out):
        sys.stdout.write(f"Session {paths.session}:\n")
    if all(value is None for value in wanted.values()):
        print_failures(state, sys.stdout, lines=(_LINES if verbose else 0) if lines is None else lines)
        sys.stdout.writelines(f"{line}\n" for line in blocked_jobs(state))
        _print_end(state)
    elif (wanted["which"] or "").strip().lower() == "running" and _goes_on(state):
        from canary_wf.report.live.running import print_running

        print_running(paths, {job.id for job in jobs}, sys.stdout)
        _print_end(state, with_progress=False)
    else:
        print_jobs(state, jobs, sys.stdout)
        sys.stdout.write("\n" if jobs else "")
        _print_end(state)
    return ExitCode.DONE if state.passed else ExitCode.JOBS_FAILED


def _listed(
    state: SessionState, which: str | None, keywords: str | None, order: str | None, slowest: int | None
) -> list[PlannedJob]:
    """Return the jobs to list, in their order."""
    jobs = with_keywords(select(state, which or "all"), keywords)
    jobs = in_order(state, jobs, order or ("plan" if slowest is None else "time"))
    if slowest is None:
        return jobs
    return [job for job in jobs if state.record(job).duration is not None][: slowest or None]


def _goes_on(state: SessionState) -> bool:
    """Return whether somebody works on the session, or Slurm has batches of it in its queue."""
    return state.live or any(record.phase is JobPhase.SUBMITTED for record in state.records.values())


def _print_end(state: SessionState, *, with_progress: bool = True) -> None:
    """Print what is to be said about the whole session, and the summary as the last lines."""
    now = time.time()
    progress = (*progress_of(state, now), *queue_lines(state)) if with_progress else ()
    about = (*progress, *left_out_lines(state.plan.left_out), *damage(state))
    sys.stdout.writelines(f"{line}\n" for line in about)
    print_closing(state, sys.stdout, now)
