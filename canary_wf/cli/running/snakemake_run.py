"""Runs Snakemake for one session, follows it, and says how it ended: the part of `canary-wf run` after planning."""

import os
import shlex
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from canary_wf.errors import ExitCode, one_line
from canary_wf.files.json_files import not_writable
from canary_wf.files.plain_files import open_own
from canary_wf.plan.cluster.advice import profile_for
from canary_wf.report.closing import closing_lines, from_here
from canary_wf.report.failures import print_failures
from canary_wf.report.session import SessionState, load_session
from canary_wf.snakemake.child_process import Pause, SnakemakeProcess
from canary_wf.snakemake.error_text import essence
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.wording import count

_SIGNAL_EXIT = 128
_USAGE_CODE = 2
"""Snakemake's exit code for a wrong command line."""

_LOOK = 3600.0
_DRY_RUNS = frozenset({"-n", "--dry-run", "--dryrun"})


class Ended(NamedTuple):
    """How a run ended: the session's state, Snakemake's exit code, the signal that paused it, and the text's start.

    `signals` counts the signals, `text` is the file with what Snakemake printed, None when that was shown.
    """

    state: SessionState
    code: int
    signal: signal.Signals | None
    signals: int
    text: Path | None
    start: int


def left_to_run(state: SessionState) -> list[PlannedJob]:
    """Return the jobs that the next run takes up: those without a final verdict."""
    return [job for job in state.plan.jobs if not state.record(job).status.is_final]


def run_session(child: SnakemakeProcess, state: SessionState, options: Sequence[str], *, shown: bool) -> Ended:
    """Run the session of `state` by Snakemake with further `options`; its text goes into a file unless it is `shown`.

    Raises WorkspaceError when that file cannot be written.
    """
    paths = state.paths
    arguments = ["--profile", profile_for(state.plan.scheduler), *options]
    text = None if shown or _DRY_RUNS.intersection(options) else paths.snakemake_log
    start = 0 if text is None else _begin_text(text, arguments)
    with Pause(child) as pause:
        child.start(arguments, paths.out, text)
        while not child.wait(_LOOK):
            pass
        code = child.code
    assert code is not None
    return Ended(load_session(paths), code, pause.number, pause.count, text, start)


def _begin_text(text: Path, arguments: Sequence[str]) -> int:
    """Write a heading to the end of the file `text`; return the size that it has then."""
    heading = f"$ snakemake {shlex.join(arguments)}    # {time.strftime('%Y-%m-%d %H:%M:%S')}\n"
    try:
        file = open_own(text, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(file, heading.encode("utf-8", "surrogateescape"))
            return os.fstat(file).st_size
        finally:
            os.close(file)
    except OSError as error:
        raise not_writable(text, error) from error


def print_end(ended: Ended) -> None:
    """Print the failures, what a pause or a failure of Snakemake left undone, and as the last lines the sum."""
    state = ended.state
    left = left_to_run(state)
    if state.begun:
        print_failures(state, sys.stdout)
    if ended.signal is not None:
        sys.stdout.write(f"{_paused(ended, left)}\n")
    elif ended.code and (left or not state.failed):
        sys.stderr.write(f"canary-wf: {_fault(ended)}\n")
    if ended.signal is None:
        sys.stdout.writelines(f"{line}\n" for line in closing_lines(state))


def _paused(ended: Ended, left: Sequence[PlannedJob]) -> str:
    total = len(ended.state.plan.jobs)
    key = "Ctrl-C" if ended.signal is signal.SIGINT else ended.signal.name if ended.signal else ""
    if not left:
        return f"Ended by {key}: {count(total, 'job')} have a verdict."
    return f"Paused by {key}: {total - len(left)} of {count(total, 'job')} are done. Go on: canary-wf run"


def _fault(ended: Ended) -> str:
    if ended.text is None:
        return f"Snakemake failed (exit code {ended.code}); its text stands above"
    why = essence(ended.text, ended.start) or f"exit code {ended.code}"
    return one_line(f"Snakemake failed: {why}; all it said: {from_here(ended.text)}")


def exit_code(ended: Ended) -> int:
    """Return the exit code: that of a signal, or as for `status`; 2 or 4 when Snakemake failed and no job did."""
    state = ended.state
    left = left_to_run(state)
    if ended.signal is not None and left:
        return _SIGNAL_EXIT + ended.signal
    if not state.begun:
        return {0: ExitCode.DONE, _USAGE_CODE: ExitCode.USAGE}.get(ended.code, ExitCode.WORKSPACE)
    if left or (state.failed and state.plan.fail_on == "any"):
        return ExitCode.JOBS_FAILED
    return ExitCode.WORKSPACE if ended.code else ExitCode.DONE
