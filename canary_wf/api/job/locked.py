"""One thread at a time in what changes or stores an object that several threads may hold."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from threading import Lock, RLock
from typing import Any, Self, TypeVar, cast

from canary_wf.errors import CanaryWfError

Method = TypeVar("Method", bound=Callable[..., Any])

_LOCKS = ("_lock", "_turn")


class Lockable:
    """An object whose `locked` methods wait for each other, in all threads; a method may call another.

    The locks are there before any `__init__`, and stay behind when the object is copied or sent to another process.
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
        """Run the object called `name`, which one thread may do at a time. Raises CanaryWfError for a second one."""
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
