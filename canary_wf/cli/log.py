"""`canary-wf log`: a job's output."""

import shutil
import sys
from pathlib import Path

import click

from canary_wf.cli.jobs import find_job
from canary_wf.cli.options import out_option
from canary_wf.errors import WorkspaceError
from canary_wf.job.state_file import OUTPUT_FILE
from canary_wf.plan.store import load_plan, newest_session


@click.command("log")
@click.argument("job")
@out_option
def command(*, job: str, out: Path) -> None:
    """Print the output of JOB, an id prefix or a name."""
    paths = newest_session(out.absolute())
    found = find_job(load_plan(paths.plan).jobs, job)
    path = paths.job(found.directory) / OUTPUT_FILE
    try:
        with path.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
    except FileNotFoundError:
        raise WorkspaceError("has no output yet", where=f"job {found.name}", hint="it was not started") from None
    except PermissionError as error:
        raise WorkspaceError(f"cannot be read ({error.strerror})", where=path) from error
    sys.stdout.buffer.flush()
