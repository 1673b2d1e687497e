"""The runner's own lines: which job ended how, and how far the batch is."""

import sys
from collections.abc import Mapping

from canary_wf.durations import format_duration
from canary_wf.errors import one_line
from canary_wf.job.events import Event, JobFinished
from canary_wf.job.status import Outcome


class ProgressLog:
    """The listener that prints one line for each job that ended; `names` are the jobs' names by id."""

    def __init__(self, names: Mapping[str, str], done: int, total: int) -> None:
        self._names = names
        self._done = done
        self._total = total

    def __call__(self, event: Event) -> None:
        """Tell of `event` if it is a verdict."""
        if not isinstance(event, JobFinished):
            return
        self._done += 1
        outcome = Outcome[event.outcome]
        width = len(str(self._total))
        duration = event.measurements.get("duration")
        after = "" if duration is None else f" in {format_duration(duration)}"
        reason = f": {event.reason}" if event.reason else ""
        counter = f"[{self._done:{width}}/{self._total}]"
        say(f"{counter} {outcome.category} {outcome.name} {self._names[event.job]}{after}{reason}")


def say(text: str) -> None:
    """Print one line for the batch's log, at once."""
    sys.stdout.write(one_line(text) + "\n")
    sys.stdout.flush()
