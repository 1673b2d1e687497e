"""Every event of a job's life goes through here to all who listen."""

from collections.abc import Callable, Iterable

from canary_wf.state.events import Event

Listener = Callable[[Event], None]


class Hooks:
    """The listeners of one batch, called in order; first the recorder, so state is written before others hear of it."""

    def __init__(self, listeners: Iterable[Listener] = ()) -> None:
        self._listeners = list(listeners)

    def add(self, listener: Listener) -> None:
        """Call `listener` for every event from now on."""
        self._listeners.append(listener)

    def emit(self, event: Event) -> None:
        """Tell every listener of `event`."""
        for listener in self._listeners:
            listener(event)
