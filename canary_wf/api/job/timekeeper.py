"""When a job or batch was submitted, started and finished, and the spans between."""

import time
from dataclasses import asdict, dataclass


@dataclass
class Timekeeper:
    """Points in time as epoch seconds (UTC), None where they are not known."""

    submitted: float | None = None
    started: float | None = None
    finished: float | None = None

    def submit(self) -> None:
        """Note that the job was handed to a scheduler now; what was known of an earlier run no longer counts."""
        self.submitted, self.started, self.finished = time.time(), None, None

    def start(self) -> None:
        """Note that the job started now."""
        self.started, self.finished = time.time(), None

    def finish(self) -> None:
        """Note that the job ended now."""
        self.finished = time.time()

    @property
    def running(self) -> float | None:
        """Seconds from start to end."""
        return _span(self.started, self.finished)

    @property
    def queued(self) -> float | None:
        """Seconds from submission to start."""
        return _span(self.submitted, self.started)

    @property
    def total(self) -> float | None:
        """Seconds from submission (or start, where nobody submitted) to the end."""
        return _span(self.started if self.submitted is None else self.submitted, self.finished)

    def getstate(self) -> dict[str, float | None]:
        """Return the points in time."""
        return asdict(self)


def _span(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else end - start
