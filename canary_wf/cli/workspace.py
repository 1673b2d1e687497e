"""Finds the workspace that a command is about: the nearest one at or above the current folder, as git and cargo do.

A folder above may belong to anybody, such as `/tmp`. So a workspace there counts only if it is the user's own, or if
the user declared it trusted; else the user has to name it. The current folder is the user's choice.
"""

import os
from pathlib import Path

from canary_wf.errors import WorkspaceError
from canary_wf.state.session_paths import STATE_FOLDER, absolute_path
from canary_wf.state.trust import foreign_owner


def find_workspace(start: Path) -> Path | None:
    """Return the nearest workspace at or above the folder `start` (absolute), or None.

    A workspace is a folder that holds `.canary-wf`. The search ends where another file system begins. Raises
    WorkspaceError if the nearest workspace above `start` is another user's and is not trusted.
    """
    if os.path.lexists(start / STATE_FOLDER):
        return start
    found = _above(start)
    owner = None if found is None else foreign_owner(found)
    if owner is not None:
        hint = f"to look at {found} all the same, name it with -d; or name your own workspace with -d"
        message = f"there is no workspace here, and that in {found} belongs to {owner}, not to you"
        raise WorkspaceError(message, where=start, hint=hint)
    return found


def hidden_workspace(out: Path) -> Path | None:
    """Return the workspace above that commands in `out` mean so far, if a new one in `out` would hide it."""
    if os.path.lexists(out / STATE_FOLDER):
        return None
    try:
        return find_workspace(out)
    except WorkspaceError:
        return None


def nearest_workspace() -> Path:
    """Return the nearest workspace at or above the current folder, else the current folder. Raises WorkspaceError."""
    here = absolute_path(".")
    return find_workspace(here) or here


def _above(start: Path) -> Path | None:
    """Return the nearest folder above `start`, on the same file system, that holds `.canary-wf`."""
    try:
        device = start.stat().st_dev
        for folder in start.parents:
            if folder.stat().st_dev != device:
                return None
            if (folder / STATE_FOLDER).is_dir():
                return folder
    except OSError:  # a folder that nobody may look into
        return None
    return None
