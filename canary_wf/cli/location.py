"""`canary-wf location`: where a job's working directory is."""

import os
from pathlib import Path

import click

from canary_wf.cli.completion import job_names
from canary_wf.cli.jobs import find_job
from canary_wf.cli.options import out_option
from canary_wf.cli.tables import print_bytes
from canary_wf.plan.store import load_plan, newest_session


@click.command("location")
@click.argument("job", shell_complete=job_names)
@out_option
def command(*, job: str, out: Path) -> None:
    """Print the working directory of JOB, an id prefix or a name; it is there once the job was started."""
    paths = newest_session(out.absolute())
    found = find_job(load_plan(paths.plan).jobs, job)
    print_bytes(os.fsencode(paths.job(found.directory)) + b"\n")
