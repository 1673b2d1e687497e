"""Units of work of the multiprocess scheduler, the callbacks around them, and the interval at which they are polled."""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, ClassVar, TypeVar

from canary_wf.process.ending import RunningProcess


class Worker(ABC):
    """A unit of work: `uid` names it, `slot` is the number of its place among the workers that run at once.

    `driver`, `callback_name` and `env` belong to the caller and are only stored. `index` counts the workers of a
    program, from 1.
    """

    index_generator: ClassVar[Iterator[int]] = itertools.count(1)

    def __init__(self, uid: str, driver: Any, callback_name: str, slot: int, env: Any) -> None:  # noqa: ANN401 - the caller's own
        self.uid = uid
        self.driver = driver
        self.callback_name = callback_name
        self.slot = slot
        self.env = env
        self.index = next(self.index_generator)

    @cached_property
    def process(self) -> RunningProcess:
        """The process, started when it is asked for the first time: by the scheduler, unless somebody was faster."""
        return self.start()

    @abstractmethod
    def start(self) -> RunningProcess:
        """Create and return the process that does the work."""

    def poll(self, scheduler: Any) -> bool:  # noqa: ANN401 - the `MultiprocessScheduler` that asks
        """Return whether the process still runs; its result is collected when it does not."""
        del scheduler
        return self.process.poll() is None


WorkData = TypeVar("WorkData")
SomeWorker = TypeVar("SomeWorker", bound=Worker)

JobFactoryCallback = Callable[[str, WorkData, int], SomeWorker]
CollectResultCallback = Callable[[SomeWorker], None]

SLOWEST = 1.0
"""Seconds between two polls above which the interval grows no more."""

FASTEST = 0.0001
"""Seconds between two polls below which the interval shrinks no more."""

PATIENT = 8
"""Polls without a result after which the interval grows."""


def compute_next_dyn_poll(poll_counter: int, poll_interval: float) -> float:
    """Return the seconds to the next poll, after `poll_counter` polls with the interval `poll_interval`."""
    if poll_counter > PATIENT and poll_interval < SLOWEST:
        return poll_interval * 1.25
    if poll_interval > FASTEST:
        return poll_interval * 0.75
    return poll_interval
