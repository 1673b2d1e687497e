"""The output of `status`: the summary first, then a table of jobs, or the failures with their logs.

Plain lines, with colours on a terminal: ten thousand rows appear at once, and can be searched and piped.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from canary_wf.durations import format_duration
from canary_wf.errors import one_line
from canary_wf.report.colour import is_coloured
from canary_wf.report.printable import printable_tail
from canary_wf.report.session import SessionState, read_error
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.state.job_file import OUTPUT_FILE
from canary_wf.state.record import JobRecord
from canary_wf.verdict.status import Category, JobPhase, Outcome
from canary_wf.wording import count

COLUMNS = ("id", "name", "status", "time", "reason")
_BETWEEN = "  "
_STATUS = COLUMNS.index("status")
MOST_FAILURES = 20
LONGEST_LINE = 500
"""Characters shown of a line of a failure's output; some programs print a megabyte without a line end."""

WORDS = {"PASS": "passed", "FAIL": "failed", "CANCEL": "cancelled", "SKIP": "skipped", "NONE": "not run"}
"""What became of jobs of a category, for people."""

COLOURS = {
    Category.PASS: "green",
    Category.FAIL: "red",
    Category.CANCEL: "magenta",
    Category.SKIP: "yellow",
    Category.NONE: "blue",
}


def print_status(state: SessionState, jobs: Sequence[PlannedJob], file: TextIO | None = None) -> None:
    """Print the summary line and a table of `jobs`, to `file` or standard output."""
    file = sys.stdout if file is None else file
    file.write(summary(state) + "\n")
    file.writelines(f"{line}\n" for line in damage(state))
    rows = [_row(job, state.record(job)) for job in jobs]
    if not rows:
        return
    paint = _painter(file)
    widths = [max(len(row[column]) for row in [COLUMNS, *rows]) for column in range(len(COLUMNS))]
    start = sum(widths[:_STATUS]) + _STATUS * len(_BETWEEN)
    end = start + widths[_STATUS]
    file.write(_line(COLUMNS, widths) + "\n")
    for job, row in zip(jobs, rows, strict=True):
        line = _line(row, widths)
        file.write(f"{line[:start]}{paint(line[start:end], state.record(job).status.category)}{line[end:]}\n")


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return _BETWEEN.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def print_failures(state: SessionState, file: TextIO | None = None, lines: int = 5) -> None:
    """Print the summary line and the failures: reason, the last `lines` lines of output, and the path of the log."""
    file = sys.stdout if file is None else file
    file.write(summary(state) + "\n")
    file.writelines(f"{line}\n" for line in damage(state))
    paint = _painter(file)
    for job in state.failed[:MOST_FAILURES]:
        heading, *rest = _failure(state, job, lines)
        file.write(f"\n{paint(heading, state.record(job).status.category)}\n")
        file.writelines(f"{line}\n" for line in rest)
    more = len(state.failed) - MOST_FAILURES
    if more > 0:
        file.write(f"\nand {count(more, 'more failure')}, which canary-wf status -r failed lists\n")


def summary(state: SessionState) -> str:
    """Return the session's counts in one line."""
    counts = {category: count for category, count in state.counts().items() if count}
    parts = ", ".join(f"{count} {WORDS[category]}" for category, count in counts.items())
    running = sum(state.record(job).phase is JobPhase.RUNNING for job in state.plan.jobs)
    after = f", {running} of them running" if running else ""
    flaky = sum(state.record(job).is_flaky for job in state.plan.jobs)
    again = f", {flaky} of them flaky" if flaky else ""
    left = f"; {len(state.plan.left_out)} left out" if state.plan.left_out else ""
    return f"{count(len(state.plan.jobs), 'job')}: {parts}{after}{again}{left} (session {one_line(state.plan.session)})"


def damage(state: SessionState) -> Iterator[str]:
    """Yield a line for each batch with lost or damaged state, and one with the command that repairs it."""
    for batch, what in state.damaged.items():
        yield f"batch {batch} is damaged: {one_line(what)}"
    if state.damaged and state.failed:
        yield "Run what was lost again: canary-wf rerun --failed, and then snakemake"


def status_word(record: JobRecord) -> str:
    """Return the state of a job in a few words: its verdict, or else its phase, and the number of its attempt."""
    if record.phase is not JobPhase.DONE:
        word = str(record.phase.value)
    elif record.status.outcome is Outcome.SUCCESS:
        word = "PASS"
    else:
        word = f"{record.status.category} {record.status.outcome.name}"
    return f"{word} (attempt {len(record.earlier) + 1})" if record.earlier else word


def _failure(state: SessionState, job: PlannedJob, lines: int) -> Iterator[str]:
    record = state.record(job)
    after = "" if record.duration is None else f" after {format_duration(record.duration)}"
    yield f"{status_word(record)} {one_line(job.name)}{after} ({job.id[:8]}, {one_line(job.path)})"
    if record.status.reason:
        yield f"  {one_line(record.status.reason)}"
    log = state.paths.job(job.directory) / OUTPUT_FILE
    for line in printable_tail(log, lines):
        yield f"  | {line[:LONGEST_LINE]}".rstrip() + (" …" if len(line) > LONGEST_LINE else "")
    problem = read_error(log)
    if problem is not None or os.path.exists(log):  # noqa: PTH110 - also False without permission
        yield f"  log: {one_line(from_here(log))}" + (f" cannot be read ({problem})" if problem else "")


def from_here(path: Path) -> str:
    """Return the shortest form of `path`: relative to the current folder if it lies inside it."""
    here = os.path.relpath(path)
    return str(path) if here.startswith(os.pardir) else here


def _row(job: PlannedJob, record: JobRecord) -> tuple[str, ...]:
    duration = "" if record.duration is None else format_duration(record.duration)
    return (job.id[:8], one_line(job.name), status_word(record), duration, one_line(record.status.reason or ""))


def _painter(file: TextIO) -> Callable[[str, Category], str]:
    """Return a function that colours a text by its category where colours are wanted."""
    if not is_coloured(file):
        return lambda text, _: text
    import click

    return lambda text, category: str(click.style(text, fg=COLOURS[category]))
