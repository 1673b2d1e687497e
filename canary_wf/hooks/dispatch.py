"""Every event of a job's life goes through here to all who listen."""

from collections.abc import Callable, Iterable

from canary_wf.job.events import Event

Listener = Callable[[Event], None]


class Hooks:
    """The listeners of one batch, called in order; the first is the recorder, so state is written before it is told."""

    def __init__(self, listeners: Iterable[Listener] = ()) -> None:
        self._listeners = list(listeners)
        self._before_rest: list[Callable[[], object]] = []

    def add(self, listener: Listener, before_rest: Callable[[], object] | None = None) -> None:
        """Call `listener` for every event from now on, and `before_rest` to do what it put off."""
        self._listeners.append(listener)
        if before_rest is not None:
            self._before_rest.append(before_rest)

    def rest(self) -> None:
        """Tell every listener that nothing happens until further notice: whoever tells events sleeps now."""
        for act in self._before_rest:
            act()

    def emit(self, event: Event) -> None:
        """Tell every listener of `event`."""
        for listener in self._listeners:
            listener(event)
