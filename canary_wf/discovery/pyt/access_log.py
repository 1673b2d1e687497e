# ruff: noqa: ANN401 - stands in for functions of any signature
"""Tracks what a test file accesses besides its own text while it is read. It decides whether a reading can be cached.

Part of the reader process. Environment variables are recorded with their values. Any other access whose result may
differ next time (other files, folders, programs, the network, the number of CPUs, the time, a module that is not
installed) prevents caching. Accesses of a library while it is imported do not count. Random numbers and the clock of
`datetime` cannot be tracked here.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_EVENTS = frozenset(
    {"open", "os.listdir", "os.scandir", "os.system", "os.posix_spawn", "os.exec", "os.fork", "subprocess.Popen"}
)
_FUNCTIONS = {
    os: (
        *("stat", "lstat", "statvfs", "access", "readlink"),
        *("cpu_count", "sched_getaffinity", "uname", "getuid", "getlogin"),
    ),
    time: ("time", "time_ns", "localtime", "gmtime", "ctime", "asctime", "strftime"),
}
_IMPORT = "<frozen importlib"


class AccessTracker:
    """Tracks accesses by test files, identified by their frames. Frames of `own` files and of libraries are ignored."""

    def __init__(self, own: frozenset[str]) -> None:
        self.own = own | {__file__}
        self.libraries: tuple[str, ...] = ()
        self.active = False
        self.outside = False
        self.environment: dict[str, str | None] = {}

    def install(self, libraries: list[str]) -> None:
        """Install the hooks. `libraries` are folders of installed code."""
        self.libraries = tuple(f"{folder}{os.sep}" for folder in libraries)
        sys.addaudithook(self._on_event)
        for module, names in _FUNCTIONS.items():
            for name in names:
                setattr(module, name, self._watched(getattr(module, name)))
        os.environ.__class__ = os.environb.__class__ = _environment(self)
        sys.meta_path.append(
            _MissingModules(self)
        )  # behind all others: whoever gets here has been found by none of them

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Track the accesses of one test file within this context."""
        self.outside, self.environment = False, {}
        self.active = True
        try:
            yield
        finally:
            self.active = False

    def note_access(self) -> None:
        """Record an access to something outside if a test file made it."""
        if self.active and not self.outside and self.is_called_by_test():
            self.outside = True

    def note_missing_module(self) -> None:
        """Record that a module was not found if a test file imported it: it may be installed next time."""
        frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - the cheap way to the caller
        while frame is not None and frame.f_code.co_filename.startswith(_IMPORT):
            frame = frame.f_back
        if self.active and not self.outside and self.is_called_by_test(frame):
            self.outside = True

    def is_called_by_test(self, frame: FrameType | None = None) -> bool:
        """Return whether the current call comes from a test file, not from the reader or a library being imported.

        The call is that of `frame`, by default that of the caller's caller.
        """
        frame = frame or sys._getframe(2)  # noqa: SLF001 - the cheap way to the caller
        while frame is not None:
            name = frame.f_code.co_filename
            if name.startswith(_IMPORT) or (name in self.own and name != __file__):
                return False
            if not name.startswith(("<", *self.libraries)) and name != __file__:
                return True
            frame = frame.f_back
        return False

    def _on_event(self, event: str, _arguments: tuple[Any, ...]) -> None:
        if self.active and (event in _EVENTS or event.startswith("socket.")):
            self.note_access()

    def _watched(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self.note_access()
            return function(*arguments, **named)

        call.__name__ = function.__name__
        return call


class _MissingModules:
    """The last module finder. It finds no module and records which were missing."""

    def __init__(self, tracker: AccessTracker) -> None:
        self.tracker = tracker

    def find_spec(self, *_: Any) -> None:
        """Record that the other finders did not find the module."""
        self.tracker.note_missing_module()


def _environment(tracker: AccessTracker) -> type:
    """Return a class for `os.environ` that records which variables a test file reads."""
    base: Any = type(os.environ)

    class Environment(base):  # type: ignore[misc]  # known at run time only
        def __getitem__(self, key: str | bytes) -> Any:
            if isinstance(key, bytes):
                tracker.note_access()
                return super().__getitem__(key)
            watched = tracker.active and isinstance(key, str) and tracker.is_called_by_test()
            try:
                value = super().__getitem__(key)
            except KeyError:
                if watched:
                    tracker.environment.setdefault(key, None)
                raise
            if watched:
                tracker.environment.setdefault(key, value)
            return value

        def __iter__(self) -> Any:
            tracker.note_access()
            return super().__iter__()

    return Environment
