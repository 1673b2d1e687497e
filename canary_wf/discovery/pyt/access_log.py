# ruff: noqa: ANN401 - stands in for functions of any signature
"""What a test file looks at besides its own text while it is read, so that a reading is only kept where it would recur.

Part of the reader's process. Environment variables are noted with their values; anything else that may be otherwise
next time (other files, folders, programs, the network, the number of CPUs, the time, a module that is not installed)
makes the reading one that is not kept. What a library does while it is imported does not count. Random numbers and the
clock of `datetime` cannot be watched from here.
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


class Witness:
    """Watches the files being read, by their frames; those of `own` files (the reader's) and of libraries are not."""

    def __init__(self, own: frozenset[str]) -> None:
        self.own = own | {__file__}
        self.libraries: tuple[str, ...] = ()
        self.active = False
        self.outside = False
        self.environment: dict[str, str | None] = {}

    def install(self, libraries: list[str]) -> None:
        """Start to be told; `libraries` are folders of installed code."""
        self.libraries = tuple(f"{folder}{os.sep}" for folder in libraries)
        sys.addaudithook(self._on_event)
        for module, names in _FUNCTIONS.items():
            for name in names:
                setattr(module, name, self._watched(getattr(module, name)))
        os.environ.__class__ = os.environb.__class__ = _environment(self)
        sys.meta_path.append(_Missing(self))  # behind all others: whoever gets here has been found by none of them

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch one file from here on."""
        self.outside, self.environment = False, {}
        self.active = True
        try:
            yield
        finally:
            self.active = False

    def look(self) -> None:
        """Note that something outside was looked at, if it was the test file that did."""
        if self.active and not self.outside and self.is_asked_by_test():
            self.outside = True

    def miss_module(self) -> None:
        """Note that a module was not found, if a test file asked for it: it may be there the next time."""
        frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - the cheap way to the caller
        while frame is not None and frame.f_code.co_filename.startswith(_IMPORT):
            frame = frame.f_back
        if self.active and not self.outside and self.is_asked_by_test(frame):
            self.outside = True

    def is_asked_by_test(self, frame: FrameType | None = None) -> bool:
        """Return whether the call under way comes from a test file, not from a library being imported or the reader.

        The call is that of `frame`, or else of who called the caller.
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
            self.look()

    def _watched(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self.look()
            return function(*arguments, **named)

        call.__name__ = function.__name__
        return call


class _Missing:
    """The last of the finders of modules, which finds nothing and notes that."""

    def __init__(self, witness: Witness) -> None:
        self.witness = witness

    def find_spec(self, *_: Any) -> None:
        """Note that no other finder knows the module."""
        self.witness.miss_module()


def _environment(witness: Witness) -> type:
    """Return a class for `os.environ` that notes which variables a test file asks for."""
    base: Any = type(os.environ)

    class Environment(base):  # type: ignore[misc]  # known at run time only
        def __getitem__(self, key: str | bytes) -> Any:
            if isinstance(key, bytes):
                witness.look()
                return super().__getitem__(key)
            watched = witness.active and isinstance(key, str) and witness.is_asked_by_test()
            try:
                value = super().__getitem__(key)
            except KeyError:
                if watched:
                    witness.environment.setdefault(key, None)
                raise
            if watched:
                witness.environment.setdefault(key, value)
            return value

        def __iter__(self) -> Any:
            witness.look()
            return super().__iter__()

    return Environment
