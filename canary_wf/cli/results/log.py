"""`canary-wf log`: a job's output, also while it is being written."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from canary_wf.cli.completion import job_names
from canary_wf.cli.help_page import DocumentedCommand
from canary_wf.cli.jobs import find_job
from canary_wf.cli.options import WholeNumber, session_option, workspace_option
from canary_wf.cli.pager import paged
from canary_wf.errors import UsageError, WorkspaceError, one_line
from canary_wf.plan.store import find_session, load_plan
from canary_wf.report.colour import is_coloured
from canary_wf.report.job_facts import batches_around, why_no_output
from canary_wf.report.live.queue import SlurmQueue
from canary_wf.report.printable import TerminalText, seek_to_last_lines
from canary_wf.report.session import SessionFollower, SessionState
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.state.job_file import OUTPUT_FILE, earlier_output_file, open_output
from canary_wf.verdict.status import JobPhase

_PAUSE = 0.2
_PATIENCE = 10
"""Number of checks without a running attempt after which waiting for output ends."""

_CHUNK = 1 << 18
_Printer = Callable[[bytes], object]


@click.command("log", cls=DocumentedCommand)
@click.argument("job", shell_complete=job_names)
@click.option("-f", "--follow", is_flag=True, help="Keep printing until the job has ended.")
@click.option("-n", "--lines", type=WholeNumber(0), metavar="N", help="Only the last N lines.")
@click.option("--attempt", type=WholeNumber(1), metavar="N", help="The Nth run of a job that was retried, from 1 on.")
@click.option("--no-pager", is_flag=True, help="Print on a terminal without the pager (PAGER, else less).")
@workspace_option
@session_option
def command(
    *, job: str, follow: bool, lines: int | None, attempt: int | None, no_pager: bool, out: Path, session: str | None
) -> None:
    """Print the output of JOB, an id prefix or a name.

    On a terminal, it is shown in a pager, and only colours act there; other control characters are shown as escapes. In
    a pipe or a file, the output is as the job wrote it.
    """
    if follow and attempt is not None:
        raise UsageError("does not go with --attempt: an earlier run is over", where="-f")
    paths = find_session(out, session)
    plan = load_plan(paths.plan)
    found = find_job(plan.jobs, job)
    folder = paths.job(found.directory)
    follower = SessionFollower(paths, only=batches_around(plan.jobs, found), plan=plan)
    if follow:
        with _printer(in_pager=False) as write:
            _follow(follower, found, folder / OUTPUT_FILE, lines, write)
        return
    path = folder / (OUTPUT_FILE if attempt is None else _file_of(follower.look(), found, attempt))
    with _opened(path, found, follower) as file:
        if not os.fstat(file.fileno()).st_size:
            sys.stderr.write("(no output)\n")
            return
        with _printer(in_pager=not no_pager) as write:
            if lines is not None:
                seek_to_last_lines(file, lines)
            _copy(file, write)


def _file_of(state: SessionState, job: PlannedJob, attempt: int) -> str:
    """Return the name of the file with the output of run `attempt` of `job`."""
    record = state.record(job)
    if attempt <= len(record.earlier):
        return record.earlier[attempt - 1].output or earlier_output_file(attempt)
    if attempt > max(1, record.attempts):
        runs = {0: "did not run", 1: "ran once"}.get(record.attempts, f"ran {record.attempts} times")
        raise UsageError(f"{attempt} is not a run of job {job.name}, which {runs}", where="--attempt")
    return OUTPUT_FILE


@contextmanager
def _printer(*, in_pager: bool) -> Iterator[_Printer]:
    """Yield what prints output: unchanged in a pipe or file, made harmless on a terminal."""
    if not sys.stdout.isatty():
        yield sys.stdout.buffer.write
        sys.stdout.buffer.flush()
        return
    encoding = sys.stdout.encoding
    text = TerminalText(coloured=is_coloured(sys.stdout))
    with paged(wanted=in_pager) as target:
        yield lambda chunk: target.write(text.feed(chunk).encode(encoding, "backslashreplace"))
        target.write(text.end().encode(encoding, "backslashreplace"))


def _copy(file: BinaryIO, write: _Printer) -> None:
    while chunk := file.read(_CHUNK):
        write(chunk)


def _opened(path: Path, job: PlannedJob, follower: SessionFollower) -> BinaryIO:
    try:
        return open_output(path)
    except FileNotFoundError:
        raise _no_output(SlurmQueue().explain(follower.look()), job) from None
    except OSError as error:
        raise WorkspaceError(f"cannot be read ({error.strerror})", where=path) from error


def _no_output(state: SessionState, job: PlannedJob) -> WorkspaceError:
    return WorkspaceError("has no output", where=f"job {job.name}", hint=why_no_output(state, job))


def _follow(follower: SessionFollower, job: PlannedJob, path: Path, lines: int | None, write: _Printer) -> None:
    """Print existing and new output until the job has its verdict, or until no run remains that could give it one.

    Until it has output, standard error says what it waits for.
    """
    file: BinaryIO | None = None
    idle = 0
    queue, said = SlurmQueue(), ""
    while True:
        state = follower.look()  # before the output is read, so that nothing printed before the end is missed
        if os.path.lexists(path) and (file is None or not _is_same(file, path)):
            if file is not None:
                file.close()  # the job was started again
            file = _opened(path, job, follower)
            if lines is not None:
                seek_to_last_lines(file, lines)
        if file is not None:
            _copy(file, write)
            sys.stdout.buffer.flush()
        idle = 0 if state.live else idle + 1
        if state.record(job).phase is JobPhase.DONE or idle >= _PATIENCE:
            break
        if file is None and state.live and (now := why_no_output(queue.explain(state), job)) != said:
            said = now
            sys.stderr.write(f"canary-wf: job {one_line(job.name)}: {one_line(now)}\n")
            sys.stderr.flush()
        time.sleep(_PAUSE)
    if file is None:
        raise _no_output(follower.look(), job)
    if not os.fstat(file.fileno()).st_size:
        sys.stderr.write("(no output)\n")
    file.close()


def _is_same(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return True  # it is gone or unreachable, so keep reading the open file
