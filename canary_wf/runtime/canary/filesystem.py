# ruff: noqa: PTH103, PTH107, PTH109, PTH112, PTH114, PTH120, PTH123 - tests wait for this module, and pathlib takes longer to import than all of it
"""Small helpers for files and folders that tests use."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def mkdirp(*paths: str) -> None:
    """Make each folder and those above it; one that is there already is fine."""
    for path in paths:
        os.makedirs(path, exist_ok=True)


def touch(path: str) -> None:
    """Create the file, or set its time to now."""
    with open(path, "a", encoding="utf-8"):
        os.utime(path)


def touchp(path: str) -> None:
    """Create the file, and the folders above it."""
    folder = os.path.dirname(path)
    if folder:
        mkdirp(folder)
    touch(path)


def force_remove(path: str) -> None:
    """Remove the file, link or whole folder; one that is not there is fine."""
    if os.path.isdir(path) and not os.path.islink(path):
        import shutil

        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.remove(path)


def which(*names: str, required: bool = False) -> "str | None":
    """Return the path of the first of the programs that is installed; None, or FileNotFoundError, without one."""
    from shutil import which as find

    for name in names:
        found = find(name)
        if found:
            return found
    if required:
        raise FileNotFoundError(f"none of the programs {', '.join(names)} is installed")
    return None


class working_dir:  # noqa: N801 - used like a function
    """A context in which the current folder is `path` (made first where `create` is set)."""

    def __init__(self, path: str, *, create: bool = False) -> None:
        self.path = path
        self.create = create

    def __enter__(self) -> str:
        if self.create:
            mkdirp(self.path)
        self._before = os.getcwd()
        os.chdir(self.path)
        return os.getcwd()

    def __exit__(self, *_: object) -> None:
        os.chdir(self._before)


def __getattr__(name: str) -> "Any":  # noqa: ANN401 - a module's attributes are of any type
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .fallback import from_canary_wm

    return getattr(from_canary_wm("filesystem", name), name)
