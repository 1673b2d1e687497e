"""The live view of a run: bars for its jobs and batches, its expected end, and the latest failures.

On a terminal it is redrawn every second; elsewhere a line is written whenever the counts change.
"""

import sys
import time
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, TextIO

from canary_wf.durations import format_duration
from canary_wf.errors import one_line
from canary_wf.plan.time_left import in_words
from canary_wf.report.colour import is_coloured
from canary_wf.report.live.progress import BatchProgress, Forecast, forecast, waiting_lines
from canary_wf.report.live.queue import SlurmQueue, queue_lines
from canary_wf.report.session import SessionFollower, SessionState
from canary_wf.report.table import COLOURS, summary
from canary_wf.state.session_paths import SessionPaths
from canary_wf.verdict.status import Category, JobPhase
from canary_wf.wording import count

if TYPE_CHECKING:
    from rich.console import RenderableType

PAUSE = 1.0
_MOST_BATCHES, _MOST_WAITING, _MOST_FAILURES, _BAR = 10, 3, 5, 36
_PATIENCE = 3
"""Checks without a live runner after which a started run counts as over: Snakemake pauses between batches."""


def watch(paths: SessionPaths, file: TextIO | None = None, pause: float = PAUSE) -> SessionState:
    """Show the session of `paths` until its run is over, refreshed every `pause` seconds; return its last state."""
    file = sys.stdout if file is None else file
    states = _states(SessionFollower(paths), pause)
    return _draw(states, file) if file.isatty() else _write(states, file)


def _states(follower: SessionFollower, pause: float) -> Iterator[SessionState]:
    """Yield the states of a session; the last one is final."""
    idle = 0
    queue = SlurmQueue()
    while True:
        state = queue.explain(follower.look())
        yield state
        idle = 0 if state.live else idle + 1
        if not state.not_done and not state.live:
            return
        if state.begun and idle >= _PATIENCE:
            return
        time.sleep(pause)


def _write(states: Iterator[SessionState], file: TextIO) -> SessionState:
    last_line = ""
    waited: list[str] = []
    for state in states:
        line = summary(state)
        if line != last_line:
            ahead = forecast(state, time.time())
            file.write(f"{line}{_queued(state)}{_end(state, ahead)}\n")
            file.flush()
            last_line = line
        waits = list(waiting_lines(state))
        if waits != waited:
            file.write("".join(f"{wait}\n" for wait in waits))
            file.flush()
            waited = waits
    return state


def _draw(states: Iterator[SessionState], file: TextIO) -> SessionState:
    from rich.console import Console
    from rich.live import Live

    console = Console(file=file, no_color=not is_coloured(file))
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        for state in states:
            live.update(view(state, time.time()), refresh=True)
    return state


def view(state: SessionState, now: float) -> "RenderableType":
    """Return the view of `state` at the time `now` (epoch seconds) for a terminal."""
    from rich.console import Group
    from rich.text import Text

    ahead = forecast(state, now)
    spent = "" if ahead.started is None else f", {format_duration(max(0.0, now - ahead.started))} since its first job"
    heading = Text(f"session {one_line(state.plan.session)}{spent}{_end(state, ahead)}", style="bold")
    parts: list[RenderableType] = [heading, _bars(state, ahead)]
    running = [batch for batch in ahead.batches if batch.is_running]
    if running:
        parts += [Text(""), _batch_table(running[:_MOST_BATCHES], now)]
    if len(running) > _MOST_BATCHES:
        parts.append(Text(f"and {count(len(running) - _MOST_BATCHES, 'more batch', 'more batches')}", style="dim"))
    parts += [Text(line, style="yellow") for line in islice(waiting_lines(state), _MOST_WAITING)]
    return Group(*parts, *_failures(state))


def _end(state: SessionState, ahead: Forecast) -> str:
    if not state.not_done:
        return ", done"
    left = in_words(ahead.remaining)
    return f", about {left} left" if state.begun and state.live else ", nothing runs"


def _bars(state: SessionState, ahead: Forecast) -> "RenderableType":
    from rich.table import Table
    from rich.text import Text

    counts = state.counts()
    verdicts = [category for category in Category if category is not Category.NONE and counts[category]]
    sums = Text("  ").join(Text(f"{counts[category]} {category}", style=COLOURS[category]) for category in verdicts)
    running = sum(batch.is_running for batch in ahead.batches)
    done = sum(batch.is_done for batch in ahead.batches)
    grid = Table.grid(padding=(0, 1))
    for name, number, total, after in (
        ("jobs", len(state.plan.jobs) - counts["NONE"], len(state.plan.jobs), sums),
        ("batches", done, len(ahead.batches), Text(f"{running} running{_queued(state)}")),
    ):
        bar = _bar(number, total, _BAR)
        grid.add_row(name, bar, Text(f"{number}/{total}", justify="right"), after)
    return grid


def _queued(state: SessionState) -> str:
    queued = {job.batch for job in state.plan.jobs if state.record(job).phase is JobPhase.SUBMITTED}
    reasons = "; ".join(queue_lines(state))
    return f", {len(queued)} in the queue{f' ({reasons})' if reasons else ''}" if queued else ""


def _bar(done: int, total: int, width: int) -> "RenderableType":
    from rich.progress_bar import ProgressBar

    bar = ProgressBar(total=total or 1, completed=done, width=width, style="grey37")
    bar.complete_style, bar.finished_style = "cyan", "green"
    return bar


def _batch_table(batches: list[BatchProgress], now: float) -> "RenderableType":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("batch", "", "jobs", "failed", "for", "limit", "left"):
        table.add_column(title, justify="left" if title in {"batch", ""} else "right", header_style="dim")
    for progress in batches:
        total = len(progress.batch.jobs)
        table.add_row(
            progress.batch.id,
            _bar(progress.done, total, _BAR // 2),
            f"{progress.done}/{total}",
            Text(str(progress.failed or ""), style="red"),
            format_duration(max(0.0, now - (progress.started or now))),
            format_duration(progress.batch.time_limit),
            in_words(progress.remaining),
        )
    return table


def _failures(state: SessionState) -> "Iterator[RenderableType]":
    """Yield a line for each of the newest failures."""
    from rich.text import Text

    newest = sorted(state.failed, key=lambda job: state.record(job).finished or 0.0)[-_MOST_FAILURES:]
    if newest:
        yield Text("")
    for job in reversed(newest):
        status = state.record(job).status
        reason = f": {one_line(status.reason)}" if status.reason else ""
        yield Text(f"{status.category} {status.outcome.name}", style="red").append(
            f" {one_line(job.name)}{reason}", style="default"
        )
