"""The status table: rich on a terminal, plain lines of columns elsewhere."""

import sys
from collections.abc import Sequence
from typing import TextIO

from canary_wf.durations import format_duration
from canary_wf.errors import UsageError, one_line
from canary_wf.job.phase import JobPhase
from canary_wf.job.record import JobRecord
from canary_wf.job.status import Category, Outcome
from canary_wf.plan.model import PlannedJob
from canary_wf.report.session import SessionState
from canary_wf.wording import count

COLUMNS = ("id", "name", "status", "time", "reason")
_STYLES = {
    Category.PASS: "green",
    Category.FAIL: "red",
    Category.CANCEL: "magenta",
    Category.SKIP: "yellow",
    Category.NONE: "dim",
}


def select(state: SessionState, wanted: str) -> list[PlannedJob]:
    """Return the jobs of `state` that `wanted` names: ``all``, ``failed``, a phase, category or outcome, in any case.

    ``failed`` are all that count as failed, not only those with the outcome FAILED. Raises UsageError for a word that
    names nothing.
    """
    name = wanted.upper()
    if name == "ALL":
        return list(state.plan.jobs)
    if name == "FAILED":
        return state.failed
    known = [*JobPhase.__members__, *Category.__members__, *(n for n in Outcome.__members__ if n != Category.NONE)]
    if name not in known:
        hint = f"write all, failed or one of {', '.join(known)}"
        raise UsageError(f"{wanted!r} is not known", where="-r", hint=hint)
    return [job for job in state.plan.jobs if name in _words(state.record(job))]


def _words(record: JobRecord) -> set[str]:
    return {record.phase.value, record.status.category.value, record.status.outcome.name}


def print_status(state: SessionState, jobs: Sequence[PlannedJob], file: TextIO | None = None) -> None:
    """Print the summary line and a table of `jobs`, to standard output unless there is a `file`."""
    file = sys.stdout if file is None else file
    rows = [_row(job, state.record(job)) for job in jobs]
    if file.isatty():
        _print_rich(state, jobs, rows, file)
    else:
        _print_plain(rows, file)
    file.write(summary(state) + "\n")


def summary(state: SessionState) -> str:
    """Return the session's counts in one line."""
    counts = {category: count for category, count in state.counts().items() if count}
    names = {"PASS": "passed", "FAIL": "failed", "CANCEL": "cancelled", "SKIP": "skipped", "NONE": "not run"}
    told = ", ".join(f"{count} {names[category]}" for category, count in counts.items())
    running = sum(state.record(job).phase is JobPhase.RUNNING for job in state.plan.jobs)
    after = f", {running} of them running" if running else ""
    flaky = sum(state.record(job).is_flaky for job in state.plan.jobs)
    again = f", {flaky} of them flaky" if flaky else ""
    left = f"; {len(state.plan.left_out)} left out" if state.plan.left_out else ""
    return f"{count(len(state.plan.jobs), 'job')}: {told}{after}{again}{left} (session {state.plan.session})"


def _row(job: PlannedJob, record: JobRecord) -> tuple[str, ...]:
    if record.phase is JobPhase.DONE:
        status = f"{record.status.category.value} {record.status.outcome.name}"
        status = "PASS" if record.status.outcome is Outcome.SUCCESS else status
    else:
        status = record.phase.value
    if record.earlier:
        status += f" (attempt {len(record.earlier) + 1})"
    duration = "" if record.duration is None else format_duration(record.duration)
    return (job.id[:8], one_line(job.name), status, duration, one_line(record.status.reason or ""))


def _print_plain(rows: Sequence[tuple[str, ...]], file: TextIO) -> None:
    if not rows:
        return
    widths = [max(len(row[column]) for row in [COLUMNS, *rows]) for column in range(len(COLUMNS))]
    for row in [COLUMNS, *rows]:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        file.write("  ".join(cells).rstrip() + "\n")


def _print_rich(state: SessionState, jobs: Sequence[PlannedJob], rows: Sequence[tuple[str, ...]], file: TextIO) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows:
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in COLUMNS:
        table.add_column(column, justify="right" if column == "time" else "left")
    for job, row in zip(jobs, rows, strict=True):
        style = _STYLES[state.record(job).status.category]
        table.add_row(*(Text(cell, style=style if place == 2 else "") for place, cell in enumerate(row)))  # noqa: PLR2004 - the status column
    Console(file=file).print(table)
