"""The dispatcher of events: it passes every event of a job's life to all listeners."""

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

E = TypeVar("E")


class Hooks(Generic[E]):
    """The listeners of one batch, called in order. The recorder is first, so state is written before others see it."""

    def __init__(self, listeners: Iterable[Callable[[E], None]] = ()) -> None:
        self._listeners = list(listeners)

    def add(self, listener: Callable[[E], None]) -> None:
        """Call `listener` for every event from now on."""
        self._listeners.append(listener)

    def emit(self, event: E) -> None:
        """Pass `event` to every listener."""
        for listener in self._listeners:
            listener(event)
