"""What jobs and batches of jobs have in common: a phase, a verdict, times, and the questions that a queue asks."""

import time
from abc import ABC, abstractmethod
from collections.abc import Generator
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from canary_wf.api.job.locked import Lockable, locked
from canary_wf.errors import InputError
from canary_wf.spec.resource_request import Resources
from canary_wf.spec.values import storable
from canary_wf.verdict.status import JobPhase, Status


@dataclass
class JobState:
    """The phase of one job."""

    phase: JobPhase = JobPhase.PENDING

    def reset(self) -> None:
        """Go back to the start of the job's life."""
        self.phase = JobPhase.PENDING

    def is_pending(self) -> bool:
        """Return whether nothing has happened to the job yet."""
        return self.phase is JobPhase.PENDING

    def is_submitted(self) -> bool:
        """Return whether the job's batch was handed to a scheduler."""
        return self.phase is JobPhase.SUBMITTED

    def is_running(self) -> bool:
        """Return whether the job's process was started and has not ended."""
        return self.phase is JobPhase.RUNNING

    def is_done(self) -> bool:
        """Return whether the job has its verdict."""
        return self.phase is JobPhase.DONE


@dataclass
class Measurements:
    """Named values; those of canary-wf itself are ``duration``, ``cpu_user``, ``cpu_system`` (s), ``max_rss`` (MiB)."""

    data: dict[str, Any] = field(default_factory=dict)

    def add_measurement(self, name: str, value: Any) -> None:  # noqa: ANN401 - any value that JSON can hold
        """Note `value` under `name`, replacing what was there."""
        self.data[name] = value

    def update(self, m: "dict[str, Any] | Measurements") -> None:
        """Take over all values of `m`."""
        self.data.update(m.data if isinstance(m, Measurements) else m)

    def reset(self) -> None:
        """Forget everything."""
        self.data.clear()

    def items(self) -> Generator[tuple[str, Any], None, None]:
        """Yield each name with its value."""
        yield from self.data.items()


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


class BaseJob(Lockable, ABC):
    """Something that a queue gives resources to and runs.

    `state` holds the phase, `status` the verdict, `timekeeper` when what happened, `measurements` what was measured. A
    subclass may set them or leave them to this class, whether its `__init__` calls this one's or not. Threads may share
    one: what changes or stores its state is done by one at a time.
    """

    @cached_property
    def state(self) -> JobState:
        """Where it stands."""
        return JobState()

    @cached_property
    def status(self) -> Status:
        """The verdict on it."""
        return Status()

    @cached_property
    def timekeeper(self) -> Timekeeper:
        """When what happened to it."""
        return Timekeeper()

    @cached_property
    def measurements(self) -> Measurements:
        """What was measured of it."""
        return Measurements()

    @property
    @abstractmethod
    def id(self) -> str:
        """What tells this one from all others."""

    @abstractmethod
    def cost(self) -> float:
        """Return a number that grows with CPUs and run time; a queue starts the costliest first."""

    @property
    def exclusive(self) -> bool:
        """Whether nothing else may be started beside it."""
        return False

    @abstractmethod
    def required_resources(self) -> list[dict[str, Any]]:
        """Return what it asks of a resource pool: ``[{"type": str, "slots": int}, …]``."""

    @abstractmethod
    def assign_resources(self, arg: Resources) -> None:
        """Hold the ids that a pool gave, ``{type: [{"id": str, "slots": int}]}``."""

    @abstractmethod
    def free_resources(self) -> Resources:
        """Return the ids that were held, for the pool to take back."""

    @abstractmethod
    def refresh_readiness(self) -> None:
        """Look at what it waits for; one that can never run becomes DONE and BLOCKED, with the reason."""

    @abstractmethod
    def is_runnable(self) -> bool:
        """Return whether it could still run, now or later."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Return whether it can be started now."""

    def validate_enqueuable(self) -> None:
        """Raise InputError when a queue must not take it: it has begun already, or can never run."""
        if not self.state.is_pending():
            raise InputError(f"is {self.state.phase.value} already", where=self.display_name())
        if not self.is_runnable():
            reason = self.status.reason or "what it waits for has not ended as needed"
            raise InputError(f"can never run: {reason}", where=self.display_name())

    @locked
    def on_submitted(self) -> None:
        """Note that it was handed to a scheduler."""
        self.state.phase = JobPhase.SUBMITTED
        self.timekeeper.submit()

    @locked
    def on_started(self) -> None:
        """Note that it runs."""
        self.state.phase = JobPhase.RUNNING
        self.timekeeper.start()

    @locked
    def on_finished(self) -> None:
        """Note that it is over."""
        self.state.phase = JobPhase.DONE
        self.timekeeper.finish()

    @abstractmethod
    def total_timeout(self) -> float:
        """Return the seconds after which a queue may give it up."""

    @abstractmethod
    def refresh(self) -> None:
        """Take over what its state file says."""

    @abstractmethod
    def save(self) -> None:
        """Write its state file."""

    @locked
    def set_status(
        self, category: str | None = None, outcome: str | None = None, reason: str | None = None, code: int = -1
    ) -> None:
        """Set the verdict from names; a category alone means its usual outcome, a code of -1 the outcome's own.

        With neither category nor outcome the verdict stays, and gets the reason or code that is given.

        Raises InputError for an unknown name, and where outcome and category contradict each other.
        """
        self.status = self.status.changed(category, outcome, reason, code)

    @abstractmethod
    def display_name(self, **kwargs: Any) -> str:  # noqa: ANN401 - each kind of job has options of its own
        """Return the name to show to people."""

    @locked
    def add_measurement(self, name: str, value: Any) -> None:  # noqa: ANN401 - any value that JSON can hold
        """Note `value` under `name`. Raises InvalidTypeError for a value that a state file cannot hold."""
        self.measurements.add_measurement(name, storable(name, value))
