"""Runs Snakemake for one session, follows it, and says how it ended: the part of `canary-wf run` after planning."""

import os
import re
import shlex
import signal
import sys
import time
from collections.abc import Collection, Sequence
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from canary_wf.errors import ExitCode, one_line
from canary_wf.files.json_files import not_writable
from canary_wf.files.plain_files import open_own, open_plain
from canary_wf.plan.cluster.advice import profile_for
from canary_wf.recovery.early_stop import is_stopped_early, set_failure_limit
from canary_wf.recovery.run_choice import choose_jobs, is_done
from canary_wf.report.closing import from_here, print_closing
from canary_wf.report.failures import print_failures
from canary_wf.report.live.follow import follow_run
from canary_wf.report.printable import printable_line
from canary_wf.report.session import SessionState, load_session
from canary_wf.snakemake.child_process import Pause, SnakemakeProcess
from canary_wf.snakemake.error_text import essence
from canary_wf.snakemake.in_use import running_batches
from canary_wf.state.session_paths import SessionPaths, relative_to_out
from canary_wf.wording import count, run_command

_SIGNAL_EXIT = 128
_USAGE_CODE = 2
"""Snakemake's exit code for a wrong command line."""

_LOOK = 3600.0
_GLANCE = 0.2
"""Seconds between two looks whether enough jobs have failed."""

_SLOW_GLANCE = 1.0
"""Seconds between two looks whether the last runner has ended, for which each batch's attempt is read."""

_PAUSING = "Pausing: jobs that run are ended, and run again next time; a second Ctrl-C cancels them."
_CANCELLING = "Ending at once: jobs that run are cancelled."
_STOPPING = "Stopping early: jobs that run go on to their end."


_PRINTING = re.compile(
    r"-[a-zA-Z]*n[a-zA-Z]*|-[vhlSD]|--(dry-?run|version|help|dag|rulegraph|filegraph|d3dag|(detailed-)?summary|lint"
    r"|list(-[a-z-]+)?|lt|print-compilation)"
)
"""Options with which Snakemake only prints something."""


def only_prints(options: Sequence[str]) -> bool:
    """Return whether Snakemake only prints something with these `options`, and runs nothing."""
    return any(_PRINTING.fullmatch(option) for option in options)


class View(Enum):
    """What is shown during a run: the jobs, nothing, or what Snakemake prints."""

    LIVE = "live"
    NOTHING = "nothing"
    SNAKEMAKE = "snakemake"


class Ended(NamedTuple):
    """How a run ended: the session's state, Snakemake's exit code, the signal that paused it, and how many there were.

    `part` is that part of the state that is about the jobs it was to run. `max_fail` is the number of failures after
    which it stopped early, None if it did not. `text` is the file with what Snakemake printed (None when that was
    shown), `start` the size that it had before. `has_begun` says whether a batch was begun or submitted, or a report
    written.
    """

    state: SessionState
    part: SessionState
    code: int
    signal: signal.Signals | None
    signals: int
    max_fail: int | None
    text: Path | None
    start: int
    has_begun: bool


def run_session(
    child: SnakemakeProcess,
    state: SessionState,
    options: Sequence[str],
    *,
    view: View,
    max_fail: int | None = None,
    jobs: Collection[str] | None = None,
) -> Ended:
    """Run the session of `state` by Snakemake with further `options`, until `max_fail` jobs have failed if given.

    With `jobs` (ids), only these are run. Snakemake's text goes into a file unless it is what the `view` shows. Raises
    WorkspaceError when that cannot be written.
    """
    paths = state.paths
    chosen = None if jobs is None or {job.id for job in state.unfinished}.issubset(jobs) else jobs
    batches = [] if chosen is None else sorted({job.batch for job in state.plan.jobs if job.id in chosen})
    targets = [relative_to_out(paths.batch(batch).result, paths.out) for batch in batches]
    arguments = ["--profile", profile_for(state.plan.scheduler), *targets, *options]
    is_shown = view is View.SNAKEMAKE or (view is View.LIVE and only_prints(options))
    text = None if is_shown else paths.snakemake_log
    report = paths.report / "report.json"
    had_report = report.exists()
    start = 0 if text is None else _begin_text(text, arguments)
    set_failure_limit(paths, max_fail)
    choose_jobs(paths, child.token, chosen)
    with Pause(child) as pause:
        child.start(arguments, paths.out, text)
        stop = _EarlyStop(child, paths, batches) if max_fail is not None or batches else None
        _follow(child, paths, pause, stop, is_live=view is View.LIVE and not is_shown)
        code = child.code
        if code is not None and code < 0:
            child.end_runners()
        stopped = max_fail if is_stopped_early(paths) else None
    assert code is not None
    set_failure_limit(paths, None)
    choose_jobs(paths, child.token, None)
    after = load_session(paths)
    part = after if jobs is None else after.part(jobs, state.runs)
    has_begun = after.runs != state.runs or after.records != state.records or report.exists() > had_report
    return Ended(after, part, code, pause.number, pause.count, stopped, text, start, has_begun)


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
    """Interrupts Snakemake once enough jobs have failed, or the chosen jobs of `batches` are done, and no runner lives.

    Snakemake would start the batches, which have no result, again; they end at once.
    """

    def __init__(self, child: SnakemakeProcess, paths: SessionPaths, batches: Sequence[str]) -> None:
        self._child = child
        self._paths = paths
        self._open = list(batches)
        self._has_left_some = False
        self._was_done = False
        self._is_done = False
        self._next = 0.0
        self.is_reached = False

    def look(self) -> None:
        """Interrupt Snakemake if it is time; batches that it starts meanwhile end at once."""
        self.is_reached = self.is_reached or is_stopped_early(self._paths)
        if self._is_done or time.monotonic() < self._next or not (self.is_reached or self._is_chosen_done()):
            return
        if not self.is_reached and not self._was_done:  # Snakemake must have seen the results of batches by then
            self._was_done = True
            self._next = time.monotonic() + _SLOW_GLANCE
            return
        self._next = time.monotonic() + _SLOW_GLANCE
        if running_batches(self._paths.out):
            return
        self._is_done = True
        if load_session(self._paths).unfinished:  # else it goes on to the reports
            self._child.interrupt()

    def _is_chosen_done(self) -> bool:
        """Return whether the chosen jobs of all batches are done, in some of which others are left."""
        while self._open:
            is_left = is_done(self._paths, self._open[-1])
            if not is_left and not self._paths.batch(self._open[-1]).result.exists():
                return False
            self._has_left_some = self._has_left_some or is_left
            self._open.pop()
        return self._has_left_some


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
    if not ended.has_begun and not ended.code:
        sys.stdout.write(text_of(ended))
        return
    state, part = ended.state, ended.part
    left = part.unfinished
    was_cut_short = ended.signal is not None or ended.max_fail is not None
    failed = [job for job in part.failed if state.record(job).status.is_final or not was_cut_short]
    if failed:
        sys.stdout.write("\n")
        print_failures(state, sys.stdout, jobs=failed)
    cut_short = None
    if ended.signal is not None:
        cut_short = "Paused"
    elif left and ended.max_fail is not None:
        cut_short = "Stopped early"
        why = f"{count(ended.max_fail, 'job')} failed (--max-fail {ended.max_fail})"
        sys.stdout.write(f"Stopped early because {why}: {count(len(left), 'job')} not run.\n")
    else:
        cut_short = "Incomplete"
        sys.stdout.flush()
        print_fault(ended)
    if state.begun and ended.code != _USAGE_CODE:
        print_closing(state, sys.stdout, over=True, part=part, cut_short=cut_short)


def print_fault(ended: Ended) -> None:
    """Write to standard error why Snakemake failed, if it did for another reason than failed jobs."""
    is_expected = ended.signal is not None or ended.max_fail is not None
    if ended.code and not is_expected and (ended.part.unfinished or _is_of_snakemake(ended)):
        sys.stderr.write(f"canary-wf: {_fault(ended)}\n")


def _is_of_snakemake(ended: Ended) -> bool:
    """Return whether a failure was that of Snakemake itself: no job failed, and none is left over."""
    return not ended.state.failed and not ended.state.unfinished


def is_unused(ended: Ended) -> bool:
    """Return whether the session is as before: Snakemake only printed something, or did not know its options."""
    return not ended.has_begun and ended.signal is None and ended.code in {0, _USAGE_CODE}


def text_of(ended: Ended) -> str:
    """Return what Snakemake printed, if that was not shown; harmless on terminals."""
    if ended.text is None:
        return ""
    try:
        with open_plain(ended.text) as file:
            file.seek(ended.start)
            return "".join(f"{printable_line(line)}\n" for line in file.read().decode("utf-8", "replace").splitlines())
    except OSError as error:
        raise not_writable(ended.text, error) from error


def _fault(ended: Ended) -> str:
    if ended.code < 0:
        go_on = run_command(ended.state.paths.out)
        return f"Snakemake was ended by {signal.Signals(-ended.code).name}; to go on: {go_on}"
    if ended.text is None:
        return f"Snakemake failed (exit code {ended.code}); see its output above"
    why = essence(ended.text, ended.start) or f"exit code {ended.code}"
    if is_unused(ended):
        return one_line(f"Snakemake failed: {why}")
    return one_line(f"Snakemake failed: {why}; all it said: {from_here(ended.text)}")


def exit_code(ended: Ended) -> int:
    """Return the exit code: that of a signal, or as for `status` with the jobs that the run was to run.

    It is 2 or 4 when Snakemake failed and no job did.
    """
    part = ended.part
    if ended.signal is not None and part.unfinished:
        return _SIGNAL_EXIT + ended.signal
    if ended.code == _USAGE_CODE and not ended.has_begun:
        return ExitCode.USAGE
    if not ended.has_begun and (not ended.code or not ended.state.begun):
        return ExitCode.WORKSPACE if ended.code else ExitCode.DONE
    if part.unfinished or (part.failed and part.plan.fail_on == "any"):
        return ExitCode.JOBS_FAILED
    return ExitCode.WORKSPACE if ended.code and _is_of_snakemake(ended) else ExitCode.DONE
