"""Every event of a job's life goes through here to all who listen."""

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

E = TypeVar("E")


class Hooks(Generic[E]):
    """The listeners of one batch, called in order; first the recorder, so state is written before others hear of it."""

    def __init__(self, listeners: Iterable[Callable[[E], None]] = ()) -> None:
        self._listeners = list(listeners)

    def add(self, listener: Callable[[E], None]) -> None:
        """Call `listener` for every event from now on."""
        self._listeners.append(listener)

    def emit(self, event: E) -> None:
        """Tell every listener of `event`."""
        for listener in self._listeners:
            listener(event)
