"""The runner's log lines: each job that ended, the progress of the batch, and the time left."""

import os
import sys
import time
from collections.abc import Mapping

from canary_wf.durations import environment_seconds, format_duration
from canary_wf.errors import one_line
from canary_wf.live_line import LiveLine
from canary_wf.plan.time_left import BatchTimeLeft, left_in_words
from canary_wf.spec.batch_slice import BatchSlice
from canary_wf.state.events import Event, JobFinished, JobRetried, JobStarted
from canary_wf.state.record import JobRecord
from canary_wf.verdict.status import FAILED, Outcome, Status
from canary_wf.wording import count

INTERVAL = 30.0
"""Seconds between two progress lines, unless CANARY_WF_PROGRESS overrides it."""


class ProgressLog:
    """A listener that prints a line for each job that ended, and a progress line at intervals.

    `known` are the verdicts that stand already; `records` say how long these jobs took. On a terminal the progress line
    always stays at the bottom.
    """

    def __init__(
        self, batch_slice: BatchSlice, known: Mapping[str, Status], records: Mapping[str, JobRecord] = {}
    ) -> None:
        self._names = {job.id: job.name for job in batch_slice.jobs}
        self._width = len(str(len(self._names)))
        self._time_left = BatchTimeLeft(batch_slice.batch, batch_slice.jobs)
        verdicts = [known[job.id] for job in batch_slice.jobs if job.id in known]
        self._done = len(verdicts)
        self._failed = sum(status.counts_as_failed for status in verdicts)
        for job in known:
            self._time_left.end(job, records[job].duration if job in records else None)
        self._live = LiveLine(sys.stdout)
        self._interval = environment_seconds("CANARY_WF_PROGRESS", INTERVAL)
        self._next = time.monotonic() + self._interval

    @property
    def done(self) -> int:
        """The number of jobs that have a verdict."""
        return self._done

    def begins(self) -> str:
        """Return how many jobs there are, and how many of them were done before."""
        return f"{count(len(self._names), 'job')}, {self._done} done before"

    def __call__(self, event: Event) -> None:
        """Take note of `event`; print a line if a job ended."""
        match event:
            case JobStarted():
                self._time_left.start(event.job, time.monotonic())
            case JobRetried():
                self._time_left.wait(event.job)
                self._print(event, "to be run again: ")
            case JobFinished():
                self._time_left.end(event.job, event.measurements.get("duration"))
                self._done += 1
                self._failed += Outcome[event.outcome].category in FAILED
                self._print(event)

    def tick(self) -> None:
        """Print the progress line when it is due. The runner calls this in each turn of its loop."""
        self._live.show(self.summary)
        now = time.monotonic()
        if now >= self._next:
            self._next = now + self._interval
            self._live.clear()
            say(self.summary())

    def close(self) -> None:
        """Erase the live line."""
        self._live.clear()

    def summary(self) -> str:
        """Return the progress of the batch in one line."""
        total = len(self._names)
        is_over = not (self._time_left.running or self._time_left.waiting)
        left = "" if is_over else f", {left_in_words(self._time_left.seconds_left(time.monotonic()))}"
        return (
            f"progress: {self._done} of {total} done ({self._failed} failed), {self._time_left.running} running,"
            f" {self._time_left.waiting} waiting{left}"
        )

    def _print(self, event: JobFinished | JobRetried, what: str = "") -> None:
        outcome = Outcome[event.outcome]
        duration = event.measurements.get("duration")
        after = "" if duration is None else f" in {format_duration(duration)}"
        reason = f": {event.reason}" if event.reason else ""
        counter = f"[{self._done:{self._width}}/{len(self._names)}]"
        self._live.clear()
        say(f"{counter} {what}{Status.of(outcome).label} {self._names[event.job]}{after}{reason}")


def say(text: str) -> None:
    """Print one line to the batch's log, flushed."""
    try:
        sys.stdout.write(one_line(text) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of stdout has gone; keep running and discard further output.
        null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
