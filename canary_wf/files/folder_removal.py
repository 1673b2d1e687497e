"""Removing folders filled by jobs, even if a job made them read-only, as module caches often are."""

import os
import stat
from pathlib import Path


def remove_folder(path: Path | str) -> None:
    """Remove the folder with everything in it; links are not followed. Raises OSError.

    The owner of a folder may change its permissions, so folders are removed even if their permissions forbid it.
    """
    import shutil  # late: it imports four more modules, and runners rarely remove a folder

    try:
        shutil.rmtree(path)
    except PermissionError:
        _open_folders(path)
        shutil.rmtree(path)


def remove_anything(path: Path | str) -> None:
    """Remove whatever lies at `path`: a file, a folder, or a link itself. Raises OSError."""
    try:
        is_folder = stat.S_ISDIR(os.lstat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return
    if is_folder:
        remove_folder(path)
    else:
        os.unlink(path)  # noqa: PTH108 - strings and paths alike


def _open_folders(path: Path | str) -> None:
    waiting: list[Path | str] = [path]
    while waiting:
        folder = waiting.pop()
        os.chmod(folder, 0o700)  # noqa: PTH101 - strings and paths alike
        with os.scandir(folder) as entries:
            waiting += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
