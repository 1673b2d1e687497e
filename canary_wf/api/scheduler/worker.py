"""One unit of work of the multiprocess scheduler: what starts its process and asks whether that still runs."""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property
from typing import Any, ClassVar

from canary_wf.process.ending import RunningProcess


class Worker(ABC):
    """A unit of work: `uid` names it, `slot` is the number of its place among the workers that run at once.

    `driver`, `callback_name` and `env` are the caller's and are only carried along. `index` counts the workers of a
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
