"""`canary-wf location`: where a job's working directory is."""

import os
import re
from pathlib import Path

import click

from canary_wf.cli.completion import job_names
from canary_wf.cli.help_page import DocumentedCommand
from canary_wf.cli.jobs import find_job
from canary_wf.cli.options import session_option, workspace_option
from canary_wf.cli.output import print_bytes
from canary_wf.errors import one_line
from canary_wf.plan.store import find_session, load_plan

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@click.command("location", cls=DocumentedCommand)
@click.argument("job", shell_complete=job_names)
@workspace_option
@session_option
def command(*, job: str, out: Path, session: str | None) -> None:
    """Print the working directory of JOB, an id prefix or a name. It exists once the job has started."""
    paths = find_session(out, session)
    found = find_job(load_plan(paths.plan).jobs, job)
    folder = str(paths.job(found.directory))
    # Unchanged, for use in a shell, unless it has characters that would affect the terminal.
    print_bytes(os.fsencode(one_line(folder) if _CONTROL.search(folder) else folder) + b"\n")
