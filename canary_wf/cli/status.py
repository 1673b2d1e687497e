"""`canary-wf status`: where the newest session's jobs stand, read from the state files alone."""

import sys
import time
from pathlib import Path

import click

from canary_wf.cli.options import json_option, out_option
from canary_wf.errors import ExitCode
from canary_wf.json_files import encode
from canary_wf.plan.store import newest_session
from canary_wf.report.progress import progress_of
from canary_wf.report.session import load_session
from canary_wf.report.table import print_status, select


@click.command("status")
@out_option
@json_option
@click.option("-r", "wanted", default="all", show_default=True, help="all, failed, a category, outcome or phase.")
def command(*, out: Path, as_json: bool, wanted: str) -> int:
    """Show where the newest session's jobs stand; exit with 1 when jobs failed or a run left some undone."""
    state = load_session(newest_session(out.absolute()))
    jobs = select(state, wanted)
    if as_json:
        content = {**state.as_dict(), "jobs": [state.fields(job) for job in jobs]}
        sys.stdout.write(encode(content).decode() + "\n")
    else:
        print_status(state, jobs)
        sys.stdout.writelines(f"{line}\n" for line in progress_of(state, time.time()))
    return ExitCode.DONE if state.passed else ExitCode.JOBS_FAILED
