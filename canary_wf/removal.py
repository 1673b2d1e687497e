"""Removing a folder that jobs wrote to, of which they may have made parts read-only, as caches of modules are."""

import os
from pathlib import Path


def remove_tree(folder: Path | str) -> None:
    """Remove `folder` with everything in it; links are not followed. Raises OSError, also for files of other users."""
    from shutil import rmtree  # late, as runners seldom have anything to remove

    try:
        rmtree(folder)
    except PermissionError:
        _open_folders(folder)
        rmtree(folder)


def _open_folders(top: Path | str) -> None:
    """Let the owner of the folders in `top`, and of `top`, change what is in them."""
    waiting = [os.fspath(top)]
    while waiting:
        folder = waiting.pop()
        os.chmod(folder, 0o700)  # noqa: PTH101 - may be many
        with os.scandir(folder) as entries:
            waiting += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
