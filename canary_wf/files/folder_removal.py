"""Removing folders that jobs have filled: also those that a job made read-only, as caches of modules often are."""

import os
import stat
from pathlib import Path


def remove_folder(path: Path | str) -> None:
    """Remove the folder with all that is in it; links are not followed. Raises OSError.

    Who owns a folder may open it again, so what its permissions keep from being removed is removed all the same.
    """
    import shutil  # late, as it takes four more modules, and runners seldom remove a folder

    try:
        shutil.rmtree(path)
    except PermissionError:
        _open_folders(path)
        shutil.rmtree(path)


def remove_anything(path: Path | str) -> None:
    """Remove what lies at `path`, a folder or not; of a link the link itself. Raises OSError."""
    try:
        is_folder = stat.S_ISDIR(os.lstat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return
    if is_folder:
        remove_folder(path)
    else:
        os.unlink(path)  # noqa: PTH108 - texts and paths alike


def _open_folders(path: Path | str) -> None:
    waiting: list[Path | str] = [path]
    while waiting:
        folder = waiting.pop()
        os.chmod(folder, 0o700)  # noqa: PTH101 - texts and paths alike
        with os.scandir(folder) as entries:
            waiting += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
