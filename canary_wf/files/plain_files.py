"""The only way to open files of a workspace, where a job, a crash or another user may have put anything.

A pipe would block its reader for ever, a device or a huge file would fill the memory, and a link could lead anywhere.
So only regular files are opened, without blocking; reads are bounded; and links are followed only where users may set
them.
"""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from canary_wf.errors import WorkspaceError

_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

LARGEST = 1 << 30
"""Maximal size of a file that is read whole, in bytes: ten times the plan of a million short jobs."""

LARGEST_INPUT = 1 << 26
"""Maximal size of a file that people write (a configuration, a pool, a job file), in bytes."""


def open_plain(path: Path | str, *, follow: bool = False) -> BinaryIO:
    """Open the regular file `path` for reading, without blocking.

    Links are followed only with `follow`. Raises OSError, also for anything but a regular file.
    """
    return os.fdopen(_open(path, os.O_RDONLY, follow=follow), "rb")


def open_below(root: Path | str, path: Path | str) -> BinaryIO:
    """Open for reading the regular file `path` below the folder `root`, without any link on the way.

    Raises OSError, also if the file does not lie there.
    """
    inner = os.path.relpath(path, root).split("/")
    if os.pardir in inner:
        raise OSError(errno.EXDEV, "it leads out of its folder", str(path))
    folder = os.open(root, _FOLDER)
    try:
        for name in inner[:-1]:
            above, folder = folder, os.open(name, _FOLDER, dir_fd=folder)
            os.close(above)
        return os.fdopen(_open(inner[-1], os.O_RDONLY, follow=False, folder=folder), "rb")
    except NotADirectoryError:  # also raised for a link that is not followed
        require_no_links(str(root), str(path))
        raise
    finally:
        os.close(folder)


def link_on_the_way(root: str, path: str) -> str | None:
    """Return the first folder between `root` and `path`, which lies below it, that is a link, or None.

    Raises FileNotFoundError when a folder does not exist.
    """
    position = len(root) + 1
    while (position := path.find("/", position)) > 0:
        if stat.S_ISLNK(os.lstat(path[:position]).st_mode):
            return path[:position]
        position += 1
    return None


def require_no_links(root: str, path: str) -> None:
    """Raise OSError if a folder between `root` and `path`, which lies below it, is a link."""
    if link_on_the_way(root, path) is not None:
        raise OSError(errno.ELOOP, "it leads over a link", path)


def require_real_folder(path: Path) -> None:
    """Raise WorkspaceError if the folder `path` is a link; it need not exist.

    A link would let somebody redirect what happens in the folder.
    """
    if path.is_symlink():
        hint = "remove the link, or move what it points to into its place"
        raise WorkspaceError("is a link, which is not followed", where=path, hint=hint)


def read_plain(path: Path | str, *, follow: bool = False, most: int = LARGEST) -> bytes:
    """Return the content of the regular file `path`, up to its size when it was opened.

    Raises OSError like `open_plain`, and for a file of more than `most` bytes.
    """
    descriptor = _open(path, os.O_RDONLY, follow=follow)
    try:
        size = os.fstat(descriptor).st_size
        if size > most:
            raise OSError(errno.EFBIG, f"it is larger than {most >> 20} MiB", str(path))
        content = os.read(descriptor, size)
        while len(content) < size and (more := os.read(descriptor, size - len(content))):
            content += more
        return content
    finally:
        os.close(descriptor)


def open_own(path: Path | str, flags: int) -> int:
    """Return a descriptor of the regular file `path`, opened for writing with `flags`, created if missing.

    The file is canary-wf's own, so a link is refused. Raises OSError.
    """
    return _open(path, flags | os.O_CREAT, follow=False)


def _open(path: Path | str, flags: int, *, follow: bool, folder: int | None = None) -> int:
    flags |= os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags, 0o666, dir_fd=folder)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO, errno.EISDIR}:
            raise _irregular(path) from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _irregular(path)
    return descriptor


def _irregular(path: Path | str) -> OSError:
    return OSError(errno.EINVAL, "it is not a regular file", str(path))
