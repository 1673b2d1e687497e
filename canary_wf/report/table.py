"""Jobs of a session as a table, and their states in words.

Plain lines, with colours on a terminal: ten thousand rows appear at once, and can be searched and piped.
"""

import time
from collections.abc import Sequence
from typing import TextIO

from canary_wf.durations import format_duration
from canary_wf.errors import one_line
from canary_wf.report.closing import counts_in_words
from canary_wf.report.colour import painter
from canary_wf.report.columns import Column, table_lines, terminal_width
from canary_wf.report.session import SessionState
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.state.record import JobRecord
from canary_wf.verdict.status import JobPhase
from canary_wf.wording import count

_COLUMNS = (
    Column("status"),
    Column("time", right=True),
    Column("runs", right=True),
    Column("id"),
    Column("name", cut="middle"),
    Column("reason", cut="end"),
)
_ID = 3
_WIDE = 100
"""Columns of a terminal from which on ids are shown beside names that are unique."""


def print_jobs(state: SessionState, jobs: Sequence[PlannedJob], file: TextIO, now: float | None = None) -> None:
    """Print a table of `jobs` to `file`; running jobs have run until `now` (epoch seconds)."""
    now = time.time() if now is None else now
    rows = [_row(job, state.record(job), now) for job in jobs]
    width = terminal_width(file)
    if width is not None and width < _WIDE and len({job.name for job in jobs}) == len(jobs):
        rows = [(*row[:_ID], "", *row[_ID + 1 :]) for row in rows]  # a column without text is left out
    paint = painter(file)
    categories = [state.record(job).status.category for job in jobs]
    lines = table_lines(_COLUMNS, rows, file, paint=lambda number, text: paint(text, categories[number]))
    file.writelines(f"{line}\n" for line in lines)


def _row(job: PlannedJob, record: JobRecord, now: float) -> tuple[str, ...]:
    seconds = record.duration
    if record.phase is JobPhase.RUNNING and record.started is not None:
        seconds = max(0.0, now - record.started)
    took = "" if seconds is None else format_duration(seconds)
    runs = str(len(record.earlier) + 1) if record.earlier else ""
    return _state(record), took, runs, job.id[:8], one_line(job.name), one_line(record.status.reason or "")


def summary(state: SessionState) -> str:
    """Return the session's counts and name in one line."""
    left = f"; {len(state.plan.left_out)} left out" if state.plan.left_out else ""
    total = count(len(state.plan.jobs), "job")
    return f"{total}: {counts_in_words(state)}{left} (session {one_line(state.plan.session)})"


def status_word(record: JobRecord) -> str:
    """Return the state of a job in a few words: its verdict, or else its phase, and the number of its attempt."""
    word = _state(record)
    return f"{word} (attempt {len(record.earlier) + 1})" if record.earlier else word


def _state(record: JobRecord) -> str:
    return record.status.label if record.phase is JobPhase.DONE else str(record.phase.value)
