"""The runner's own lines: which job ended how, how far the batch is, and when it will be through."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import TextIO

from canary_wf.durations import environment_seconds, format_duration
from canary_wf.errors import one_line
from canary_wf.plan.time_left import Pace
from canary_wf.spec.batch_slice import BatchSlice
from canary_wf.state.events import Event, JobFinished, JobRetried, JobStarted
from canary_wf.verdict.status import FAILED, Outcome, Status

_ERASE = "\r\x1b[2K"
_EVERY = 0.2


class LiveLine:
    """Shows a text on `stream`; does nothing where that is not a terminal. Times are seconds of `clock`."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._is_on = stream.isatty()
        self._shown = False
        self._next = 0.0

    def show(self, text: Callable[[], str]) -> None:
        """Show what `text` gives, unless the line was changed a moment ago."""
        if not self._is_on or self._clock() < self._next:
            return
        import shutil  # late, as most runners have no terminal

        width = shutil.get_terminal_size().columns
        self._stream.write(_ERASE + text()[: width - 1])
        self._stream.flush()
        self._shown = True
        self._next = self._clock() + _EVERY

    def clear(self) -> None:
        """Take the line away, so that others can be printed; it comes back with the next `show`."""
        if self._shown:
            self._stream.write(_ERASE)
            self._stream.flush()
            self._shown = False
            self._next = 0.0


INTERVAL = 30.0
"""Seconds between two lines that say how far the batch is, unless CANARY_WF_PROGRESS says others."""


class ProgressLog:
    """The listener that prints a line for each job that ended, and now and then one on the batch as a whole.

    `known` are the verdicts that stand already. On a terminal the second line is always there, at the bottom.
    """

    def __init__(self, part: BatchSlice, known: Mapping[str, Status]) -> None:
        self._names = {job.id: job.name for job in part.jobs}
        self._width = len(str(len(self._names)))
        self._pace = Pace(part.batch, part.jobs)
        verdicts = [known[job.id] for job in part.jobs if job.id in known]
        self._done = len(verdicts)
        self._failed = sum(status.counts_as_failed for status in verdicts)
        for job in known:
            self._pace.end(job)
        self._live = LiveLine(sys.stdout)
        self._interval = environment_seconds("CANARY_WF_PROGRESS", INTERVAL)
        self._next = time.monotonic() + self._interval

    @property
    def done(self) -> int:
        """How many jobs have their verdict."""
        return self._done

    def __call__(self, event: Event) -> None:
        """Take note of `event`, and print a line when a job ended."""
        match event:
            case JobStarted():
                self._pace.start(event.job, time.monotonic())
            case JobRetried():
                self._pace.again(event.job)
                self._tell(event, "to be run again: ")
            case JobFinished():
                self._pace.end(event.job, event.measurements.get("duration"))
                self._done += 1
                self._failed += Outcome[event.outcome].category in FAILED
                self._tell(event)

    def tick(self) -> None:
        """Say how far the batch is when that is due; called whenever the runner looks around."""
        self._live.show(self.summary)
        now = time.monotonic()
        if now >= self._next:
            self._next = now + self._interval
            self._live.clear()
            say(self.summary())

    def close(self) -> None:
        """Leave the terminal to others."""
        self._live.clear()

    def summary(self) -> str:
        """Return in one line how far the batch is."""
        total = len(self._names)
        left = format_duration(max(1, round(self._pace.seconds_left(time.monotonic()))))
        return (
            f"progress: {self._done} of {total} done ({self._failed} failed), {self._pace.running} running,"
            f" {self._pace.waiting} waiting, about {left} left"
        )

    def _tell(self, event: JobFinished | JobRetried, what: str = "") -> None:
        outcome = Outcome[event.outcome]
        duration = event.measurements.get("duration")
        after = "" if duration is None else f" in {format_duration(duration)}"
        reason = f": {event.reason}" if event.reason else ""
        counter = f"[{self._done:{self._width}}/{len(self._names)}]"
        self._live.clear()
        say(f"{counter} {what}{outcome.category} {outcome.name} {self._names[event.job]}{after}{reason}")


def say(text: str) -> None:
    """Print one line for the batch's log, at once."""
    try:
        sys.stdout.write(one_line(text) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read along has gone. The batch is not about that: what follows goes nowhere.
        null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
