# ruff: noqa: PTH101, PTH116, PTH118, PTH119, PTH211, PTH113, PTH103, PTH107, PTH109, PTH112, PTH114, PTH120, PTH123 - tests wait for this module, and pathlib takes longer to import than all of it
"""Small helpers for files and folders that tests use."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from typing import Any


def mkdirp(*paths: str) -> None:
    """Create each folder and its parents, unless they exist."""
    for path in paths:
        os.makedirs(path, exist_ok=True)


def touch(path: str) -> None:
    """Create the file, or set its time to now."""
    with open(path, "a", encoding="utf-8"):
        os.utime(path)


def touchp(path: str) -> None:
    """Create the file and its parent folders."""
    folder = os.path.dirname(path)
    if folder:
        mkdirp(folder)
    touch(path)


def force_remove(path: str) -> None:
    """Remove the file, link or whole folder, if it exists."""
    if os.path.isdir(path) and not os.path.islink(path):
        import shutil

        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.remove(path)


remove = force_remove


def which(*names: str, path: "str | list[str] | tuple[str, ...] | None" = None, required: bool = False) -> "str | None":
    """Return the first program found on the PATH or in `path`; without one None, or FileNotFoundError if `required`."""
    from shutil import which as find

    folders = path if path is None or isinstance(path, str) else os.pathsep.join(path)
    for name in names:
        found = find(name, path=folders)
        if found:
            return found
    if required:
        raise FileNotFoundError(f"none of the programs {', '.join(names)} is installed")
    return None


def copyfile(src: str, dst: str) -> None:
    """Copy the file with its times and permissions; `dst` may be a folder."""
    import shutil

    shutil.copy2(src, dst)


def movefile(src: str, dst: str) -> None:
    """Move the file, replacing an existing one."""
    import shutil

    if os.path.isdir(dst):
        dst = os.path.join(dst, os.path.basename(src))
    shutil.move(src, dst)


def force_copy(src: str, dst: str) -> None:
    """Copy the file or whole folder, replacing whatever exists."""
    import shutil

    force_remove(dst)
    if os.path.isdir(src):
        shutil.copytree(src, dst, symlinks=True)
    else:
        mkdirp(os.path.dirname(dst) or ".")
        shutil.copy2(src, dst)


def force_symlink(src: str, dest: str) -> None:
    """Make `dest` a link to `src`, replacing whatever exists."""
    force_remove(dest)
    os.symlink(src, dest)


def synctree(
    src: str, dst: str, ignore: "str | list[str] | tuple[str, ...] | None" = None, *, delete: bool = False
) -> None:
    """Copy the content of the folder `src` to `dst`, except names that match `ignore`; `delete` empties `dst` first."""
    import shutil

    patterns = (ignore,) if isinstance(ignore, str) else tuple(ignore or ())
    if delete:
        force_remove(dst)
    shutil.copytree(src, dst, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*patterns))


def set_executable(path: str) -> None:
    """Let everybody who can read the file execute it."""
    mode = os.stat(path).st_mode
    os.chmod(path, mode | (mode & 0o444) >> 2)


def grep(regex: "str | re.Pattern[str]", file: str) -> bool:
    """Return whether a line of `file` contains a match of `regex`."""
    import re

    with open(file, encoding="utf-8", errors="replace") as stream:
        return any(re.search(regex, line) for line in stream)


def filesize(filename: str) -> int:
    """Return the file's size in bytes."""
    return os.stat(filename).st_size


def accessible(file_name: str) -> bool:
    """Return whether it is a readable file."""
    return os.path.isfile(file_name) and os.access(file_name, os.R_OK)


def readable(file_name: str) -> bool:
    """Return whether it exists and is readable."""
    return os.access(file_name, os.R_OK)


def writeable(file_name: str) -> bool:
    """Return whether it exists and is writable."""
    return os.access(file_name, os.W_OK)


def is_exe(path: str) -> bool:
    """Return whether it is an executable file."""
    return os.path.isfile(path) and os.access(path, os.X_OK)


def samepath(path1: str, path2: str) -> bool:
    """Return whether both paths lead to the same file or folder."""
    return os.path.realpath(path1) == os.path.realpath(path2)


def ancestor(dir: str, n: int = 1) -> str:  # noqa: A002 - the name tests know
    """Return the folder `n` levels above."""
    for _ in range(n):
        dir = os.path.dirname(dir)  # noqa: A001 - see above
    return dir


def sortby_mtime(files: list[str]) -> list[str]:
    """Return the files sorted by modification time, the latest last."""
    return sorted(files, key=os.path.getmtime)


class working_dir:  # noqa: N801 - used like a function
    """A context in which the current folder is `path`, which is created first with `create`."""

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
    from .fallback import from_canary_wm

    return from_canary_wm(__name__, name)
