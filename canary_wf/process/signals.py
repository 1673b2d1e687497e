"""The signals that ask a program to stop while it starts and ends processes.

In the runner they are raised at any point. In other programs Ctrl-C is raised at once, too, but never between two steps
that belong together.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)


class Stopped(KeyboardInterrupt):
    """The signal `number` asked this process to stop."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Raise Stopped when a signal asks this process to stop, at any point of the program."""
    before = {number: signal.signal(number, _stop) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    raise Stopped(number)


def is_main_thread() -> bool:
    """Return whether this is the thread that receives signals."""
    import threading  # late: the runner has one thread

    return threading.current_thread() is threading.main_thread()


class Interrupts:
    """A context manager that stands between SIGINT and the handler that is there; a no-op outside the main thread.

    From `go_on` to `end`, or until it raises, the handler is called when the signal comes, except inside `held`. A
    signal at any other time is noted and delivered afterwards, so that there is no gap at entry and end.
    """

    def __init__(self) -> None:
        self.noted = 0
        self._depth = 0
        self._closed = True
        self._owner = 0
        self._before: Callable[[int, FrameType | None], object] | None = None

    def __enter__(self) -> Self:
        before = signal.getsignal(signal.SIGINT)
        if callable(before) and is_main_thread():
            self._before, self._owner = before, os.getpid()
            signal.signal(signal.SIGINT, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        before, self._before = self._before, None
        if before is None:
            return
        if signal.getsignal(signal.SIGINT) == self._on_signal:  # else a callback has set another one
            signal.signal(signal.SIGINT, before)
        if self.noted:
            self.noted = 0
            before(signal.SIGINT, None)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Complete the body, then deliver a Ctrl-C that came meanwhile."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if not self._closed:
                self._deliver_noted()

    def end(self) -> None:
        """Raise nothing from now on: the program ends what it has started."""
        self._closed = True

    def go_on(self) -> None:
        """Raise from now on. Call it in every turn, because a callback may have caught what the handler raised."""
        self._closed = False
        self._deliver_noted()

    def _deliver_noted(self) -> None:
        if self.noted and not self._depth:
            self.noted = 0
            self._deliver(signal.SIGINT, None)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        # A child that was forked without a new program has this handler too, and nothing to hold.
        if os.getpid() == self._owner and (self._depth or self._closed):
            self.noted += 1
        else:
            self._deliver(number, frame)

    def _deliver(self, number: int, frame: FrameType | None) -> None:
        if self._before is None:
            return
        try:
            self._before(number, frame)
        except BaseException:  # a handler of the program may raise anything; it is passed on
            self._closed = True
            raise
