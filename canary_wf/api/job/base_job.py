"""The common base of jobs and batches: phase, verdict, times, ids of a pool, and what a queue needs to know.

Threads may share one: only one at a time changes or stores its state.
"""

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any

from canary_wf.api.job.parts import JobState, Lockable, Measurements, Timekeeper, locked
from canary_wf.errors import InputError
from canary_wf.spec.resource_request import Resources, given
from canary_wf.spec.values import storable
from canary_wf.verdict.status import JobPhase, Status


class BaseJob(Lockable, ABC):
    """Something that a queue gives resources to and runs.

    `state` holds the phase, `status` the verdict, `timekeeper` when what happened, `measurements` what was measured. A
    subclass may set them or leave them to this class, whether its `__init__` calls this one's or not.
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
        """Its unique id."""

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
        """Check its dependencies; one that can never run becomes DONE and BLOCKED, with the reason."""

    @abstractmethod
    def is_runnable(self) -> bool:
        """Return whether it could still run, now or later."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Return whether it can be started now."""

    def validate_enqueuable(self) -> None:
        """Raise InputError if a queue must not take it: it has started already, or can never run."""
        if not self.state.is_pending():
            raise InputError(f"is {self.state.phase.value} already", where=self.display_name())
        if not self.is_runnable():
            reason = self.status.reason or "what it waits for has not ended as needed"
            raise InputError(f"can never run: {reason}", where=self.display_name())

    @locked
    def on_submitted(self) -> None:
        """Note that it was submitted to a scheduler."""
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
        """Update its state from its state file."""

    @abstractmethod
    def save(self) -> None:
        """Write its state file."""

    @locked
    def set_status(
        self, category: str | None = None, outcome: str | None = None, reason: str | None = None, code: int = -1
    ) -> None:
        """Set the verdict from names; a category alone means its usual outcome, a code of -1 the outcome's own.

        Without category and outcome the verdict stays, and only the given reason or code changes.

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


class ResourceHolder(BaseJob):
    """The part of a job or batch that holds ids of a resource pool."""

    def __init__(self) -> None:
        super().__init__()
        self._held: Resources = {}
        self.last_held: Resources = {}
        """What it held last; it stays known after the ids were given back."""

    @property
    @abstractmethod
    def cpus(self) -> int:
        """CPU slots it needs."""

    @property
    @abstractmethod
    def gpus(self) -> int:
        """GPU slots it needs."""

    @property
    def cpu_ids(self) -> list[str]:
        """The ids of the CPUs it has, or had when it ran last."""
        return [item["id"] for item in self.last_held.get("cpus", ())]

    @property
    def gpu_ids(self) -> list[str]:
        """The ids of the GPUs it has, or had when it ran last."""
        return [item["id"] for item in self.last_held.get("gpus", ())]

    @property
    def resources(self) -> Resources:
        """What it holds now, ``{type: [{"id": str, "slots": int}]}``."""
        return self._held

    @locked
    def assign_resources(self, arg: Resources) -> None:
        """Hold the ids that a pool gave, replacing those held so far. Raises InputError for another form."""
        self._held = given(arg)
        self.last_held = given(arg)

    @locked
    def free_resources(self) -> Resources:
        """Return the ids that were held, for the pool to take back."""
        freed, self._held = self._held, {}
        return freed
