"""The shipped rules and profiles: inside the package when installed, at the top of the tree in a checkout."""

from pathlib import Path

from canary_wf.errors import WorkspaceError

_PACKAGE = Path(__file__).parent


def shipped_folder(name: str) -> Path:
    """Return the folder of the shipped ``rules`` or ``profiles``. Raises WorkspaceError for a broken installation."""
    for parent in (_PACKAGE, _PACKAGE.parent):
        if (parent / name).is_dir():
            return parent / name
    raise WorkspaceError(f"the shipped {name} are missing", where=_PACKAGE, hint="install canary-wf again")
