"""The parts of jobs and batches: phase, times, measurements, and a lock for threads that share them."""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import wraps
from threading import Lock, RLock
from typing import Any, Self, TypeVar, cast

from canary_wf.errors import CanaryWfError
from canary_wf.verdict.status import JobPhase


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
        """Return whether the job's batch was submitted to a scheduler."""
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
        """Note that the job was submitted now; the times of an earlier run are forgotten."""
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


Method = TypeVar("Method", bound=Callable[..., Any])

_LOCKS = ("_lock", "_turn")


class Lockable:
    """An object whose `locked` methods exclude each other across threads; a method may call another.

    The locks exist before any `__init__` runs. Copies, also those in other processes, have locks of their own.
    """

    _lock: RLock
    _turn: Lock

    def __new__(cls, *_: object, **__: object) -> Self:
        """Make the object with its locks."""
        made = super().__new__(cls)
        made._lock, made._turn = RLock(), Lock()
        return made

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in _LOCKS}

    @contextmanager
    def one_run(self, name: str) -> Iterator[None]:
        """Let one thread at a time run the object called `name`. Raises CanaryWfError for a second one."""
        if not self._turn.acquire(blocking=False):
            raise CanaryWfError("is being run by another thread", where=name)
        try:
            yield
        finally:
            self._turn.release()


def locked(method: Method) -> Method:
    """Let one thread at a time into the `locked` methods of an object."""

    @wraps(method)
    def called(self: Lockable, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - passed on
        with self._lock:
            return method(self, *arguments, **named)

    return cast(Method, called)
