"""Runs Snakemake for one session, follows it, and says how it ended: the part of `canary-wf run` after planning."""

import os
import shlex
import signal
import sys
import time
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from canary_wf.errors import ExitCode, one_line
from canary_wf.files.json_files import not_writable
from canary_wf.files.plain_files import open_own
from canary_wf.plan.cluster.advice import profile_for
from canary_wf.recovery.early_stop import is_stopped_early, set_failure_limit
from canary_wf.report.closing import from_here, print_closing
from canary_wf.report.failures import print_failures
from canary_wf.report.live.follow import follow_run
from canary_wf.report.session import SessionState, load_session
from canary_wf.snakemake.child_process import Pause, SnakemakeProcess
from canary_wf.snakemake.error_text import essence
from canary_wf.snakemake.in_use import running_batches
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.state.session_paths import SessionPaths
from canary_wf.wording import count, run_command

_SIGNAL_EXIT = 128
_USAGE_CODE = 2
"""Snakemake's exit code for a wrong command line."""

_LOOK = 3600.0
_GLANCE = 0.2
"""Seconds between two looks whether enough jobs have failed."""

_DRY_RUNS = frozenset({"-n", "--dry-run", "--dryrun"})


_PAUSING = "Pausing: jobs that run are ended, and run again next time; a second Ctrl-C cancels them."
_CANCELLING = "Ending at once: jobs that run are cancelled."
_STOPPING = "Stopping early: jobs that run go on to their end."


class View(Enum):
    """What is shown during a run: the jobs, nothing, or what Snakemake prints."""

    LIVE = "live"
    NOTHING = "nothing"
    SNAKEMAKE = "snakemake"


class Ended(NamedTuple):
    """How a run ended: the session's state, Snakemake's exit code, the signal that paused it, and how many there were.

    `max_fail` is the number of failures after which it stopped early, None if it did not. `text` is the file with what
    Snakemake printed (None when that was shown), `start` the size that it had before.
    """

    state: SessionState
    code: int
    signal: signal.Signals | None
    signals: int
    max_fail: int | None
    text: Path | None
    start: int


def left_to_run(state: SessionState) -> list[PlannedJob]:
    """Return the jobs that the next run takes up: those without a final verdict."""
    return [job for job in state.plan.jobs if not state.record(job).status.is_final]


def run_session(
    child: SnakemakeProcess, state: SessionState, options: Sequence[str], *, view: View, max_fail: int | None = None
) -> Ended:
    """Run the session of `state` by Snakemake with further `options`, until `max_fail` jobs have failed if given.

    Snakemake's text goes into a file unless it is what the `view` shows. Raises WorkspaceError when that cannot be
    written.
    """
    paths = state.paths
    arguments = ["--profile", profile_for(state.plan.scheduler), *options]
    is_shown = view is View.SNAKEMAKE or bool(_DRY_RUNS.intersection(options))
    text = None if is_shown else paths.snakemake_log
    start = 0 if text is None else _begin_text(text, arguments)
    set_failure_limit(paths, max_fail)
    with Pause(child) as pause:
        child.start(arguments, paths.out, text)
        stop = _EarlyStop(child, paths) if max_fail is not None else None
        _follow(child, paths, pause, stop, is_live=view is View.LIVE and not is_shown)
        code = child.code
        if code is not None and code < 0:
            child.end_runners()
        stopped = max_fail if is_stopped_early(paths) else None
    assert code is not None
    set_failure_limit(paths, None)
    return Ended(load_session(paths), code, pause.number, pause.count, stopped, text, start)


def _follow(
    child: SnakemakeProcess, paths: SessionPaths, pause: Pause, stop: "_EarlyStop | None", *, is_live: bool
) -> None:
    """Wait for the end of Snakemake, with the live view if it `is_live`."""

    def wait(seconds: float) -> bool:
        if stop is not None:
            stop.look()
        return child.wait(seconds if stop is None else min(seconds, _GLANCE))

    def note() -> str:
        if pause.count:
            return _PAUSING if pause.count == 1 else _CANCELLING
        return _STOPPING if stop is not None and stop.is_reached else ""

    if is_live:
        follow_run(paths, wait, note=note)
    while not wait(_LOOK):
        pass


class _EarlyStop:
    """Interrupts Snakemake once enough jobs have failed and the jobs that still ran have ended."""

    def __init__(self, child: SnakemakeProcess, paths: SessionPaths) -> None:
        self._child = child
        self._paths = paths
        self._is_done = False
        self.is_reached = False

    def look(self) -> None:
        """Interrupt Snakemake if it is time; batches that it starts meanwhile end at once."""
        self.is_reached = self.is_reached or is_stopped_early(self._paths)
        if self._is_done or not self.is_reached or running_batches(self._paths.out):
            return
        self._is_done = True
        if left_to_run(load_session(self._paths)):  # else it goes on to the reports
            self._child.interrupt()


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
    """Print the failures, why jobs were left, and as the last lines the summary; or why Snakemake has begun nothing."""
    state = ended.state
    left = left_to_run(state)
    was_cut_short = ended.signal is not None or ended.max_fail is not None
    failed = [job for job in state.failed if state.record(job).status.is_final or not was_cut_short]
    if failed:
        sys.stdout.write("\n")
        print_failures(state, sys.stdout, jobs=failed)
    if left and ended.signal is None and ended.max_fail is not None:
        why = f"{count(ended.max_fail, 'job')} failed (--max-fail {ended.max_fail})"
        sys.stdout.write(f"Stopped early because {why}: {count(len(left), 'job')} not run.\n")
    elif ended.signal is None and ended.code and (left or not state.failed):
        sys.stdout.flush()
        sys.stderr.write(f"canary-wf: {_fault(ended)}\n")
    if state.begun:
        print_closing(state, sys.stdout, over=True)


def _fault(ended: Ended) -> str:
    if ended.code < 0:
        go_on = run_command(ended.state.paths.out)
        return f"Snakemake was ended by {signal.Signals(-ended.code).name}; to go on: {go_on}"
    if ended.text is None:
        return f"Snakemake failed (exit code {ended.code}); see its output above"
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
