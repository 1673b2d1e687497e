"""`canary-wf log`: a job's output, also while it is being written."""

import os
import shutil
import sys
import time
from pathlib import Path
from typing import BinaryIO

import click

from canary_wf.cli.completion import job_names
from canary_wf.cli.help_page import DocumentedCommand
from canary_wf.cli.jobs import find_job
from canary_wf.cli.options import session_option, workspace_option
from canary_wf.errors import WorkspaceError
from canary_wf.plan.store import find_session, load_plan
from canary_wf.report.session import SessionFollower
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.state.job_file import OUTPUT_FILE, open_output
from canary_wf.verdict.status import JobPhase

_PAUSE = 0.2
_PATIENCE = 10
"""Number of checks without a running attempt after which waiting for output ends."""


@click.command("log", cls=DocumentedCommand)
@click.argument("job", shell_complete=job_names)
@click.option("-f", "--follow", is_flag=True, help="Keep printing until the job has ended.")
@workspace_option
@session_option
def command(*, job: str, follow: bool, out: Path, session: str | None) -> None:
    """Print the output of JOB, an id prefix or a name."""
    paths = find_session(out, session)
    found = find_job(load_plan(paths.plan).jobs, job)
    path = paths.job(found.directory) / OUTPUT_FILE
    if follow:
        _follow(SessionFollower(paths, only=found.batch), found, path)
        return
    with _opened(path, found) as file:
        shutil.copyfileobj(file, sys.stdout.buffer)
    sys.stdout.buffer.flush()


def _opened(path: Path, job: PlannedJob) -> BinaryIO:
    try:
        return open_output(path)
    except FileNotFoundError:
        raise WorkspaceError("has no output yet", where=f"job {job.name}", hint="it was not started") from None
    except OSError as error:
        raise WorkspaceError(f"cannot be read ({error.strerror})", where=path) from error


def _follow(follower: SessionFollower, job: PlannedJob, path: Path) -> None:
    """Print existing and new output until the job has its verdict, or until no run remains that could give it one."""
    file: BinaryIO | None = None
    idle = 0
    while True:
        state = follower.look()  # before the output is read, so that nothing printed before the end is missed
        if os.path.lexists(path) and (file is None or not _is_same(file, path)):
            if file is not None:
                file.close()  # the job was started again
            file = _opened(path, job)
        if file is not None:
            shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        idle = 0 if state.live else idle + 1
        if state.record(job).phase is JobPhase.DONE or idle >= _PATIENCE:
            break
        time.sleep(_PAUSE)
    if file is None:
        raise WorkspaceError("has no output", where=f"job {job.name}", hint="it was not started, and nothing runs")
    file.close()


def _is_same(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return True  # it is gone or unreachable, so keep reading the open file
