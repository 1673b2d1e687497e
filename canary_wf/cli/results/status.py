"""`canary-wf status`: the state of a session's jobs, read from the state files only."""

import sys
import time
from pathlib import Path

import click

from canary_wf.cli.completion import statuses
from canary_wf.cli.help_page import DocumentedCommand
from canary_wf.cli.options import WholeNumber, json_option, session_option, workspace_option
from canary_wf.cli.output import print_json
from canary_wf.errors import ExitCode, UsageError
from canary_wf.plan.explanation.wording import left_out_lines
from canary_wf.plan.store import find_session
from canary_wf.report.live.progress import progress_of
from canary_wf.report.live.queue import SlurmQueue, queue_lines
from canary_wf.report.selection import select, with_keywords
from canary_wf.report.session import SessionState, load_session
from canary_wf.report.table import print_failures, print_status


@click.command("status", cls=DocumentedCommand)
@workspace_option
@session_option
@json_option
@click.option(
    "-r",
    "which",
    metavar="WHICH",
    shell_complete=statuses,
    help="List these jobs: all, failed, passed, a category, outcome, class or phase.",
)
@click.option("-k", "keywords", metavar="EXPR", help="List only jobs whose keywords or names satisfy EXPR.")
@click.option(
    "-n", "--lines", type=WholeNumber(0), metavar="N", default=5, help="Lines of output shown of each failure (5)."
)
@click.option("--watch", "watching", is_flag=True, help="Show the run until it is over.")
def command(
    *,
    out: Path,
    session: str | None,
    as_json: bool,
    which: str | None,
    keywords: str | None,
    lines: int,
    watching: bool,
) -> int:
    """Show where the jobs of a session stand. The exit code is 1 if jobs failed or a run left some undone.

    Without -r and -k: a summary, and for each failure its reason, its last lines of output, and the log file.
    """
    paths = find_session(out, session)
    if watching:
        if as_json:
            raise UsageError("does not go with --json", where="--watch")
        from canary_wf.report.live.follow import watch

        state = watch(paths)
    else:
        state = SlurmQueue().explain(load_session(paths))
    _print(state, which, keywords, lines, as_json=as_json)
    return ExitCode.DONE if state.passed else ExitCode.JOBS_FAILED


def _print(state: SessionState, which: str | None, keywords: str | None, lines: int, *, as_json: bool) -> None:
    jobs = with_keywords(select(state, which or "all"), keywords)
    if as_json:
        print_json(state.as_dict(jobs))
    elif which is None and keywords is None:
        print_failures(state, lines=lines)
    else:
        print_status(state, jobs)
    if not as_json:
        lines_below = (*progress_of(state, time.time()), *queue_lines(state), *left_out_lines(state.plan.left_out))
        sys.stdout.writelines(f"{line}\n" for line in lines_below)
