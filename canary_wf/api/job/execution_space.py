"""The folder of a job or a batch below a root in a session, and the mask of a job that is left out."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from canary_wf.errors import WorkspaceError
from canary_wf.files.folder_removal import remove_folder
from canary_wf.files.json_files import not_writable
from canary_wf.history.run_times import history_file
from canary_wf.state.session_paths import STATE_FOLDER, absolute_path


@dataclass(frozen=True)
class ExecutionSpace:
    """The folder `path`, relative to `root` (such as the session's jobs folder), of the session named `session`.

    Raises WorkspaceError for a path that leads out of the root.
    """

    root: Path
    path: Path
    session: str | None = None

    def __post_init__(self) -> None:
        # Frozen, but texts are taken for paths too.
        object.__setattr__(self, "root", Path(self.root))
        object.__setattr__(self, "path", Path(self.path))
        if self.path.is_absolute() or ".." in self.path.parts:
            raise WorkspaceError("leads out of its root", where=self.path, hint=f"give a path relative to {self.root}")

    @property
    def dir(self) -> Path:
        """The folder itself."""
        return self.root / self.path

    def joinpath(self, *parts: str) -> Path:
        """Return a path inside the folder."""
        return self.dir.joinpath(*parts)

    def exists(self) -> bool:
        """Return whether the folder is there."""
        return self.dir.is_dir()

    def create(self) -> None:
        """Make the folder unless it is there. Raises WorkspaceError."""
        try:
            self.dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise not_writable(self.dir, error) from error

    def remove(self) -> None:
        """Remove the folder with everything in it; links are not followed."""
        try:
            remove_folder(self.dir)
        except OSError:  # as much of it as can be
            shutil.rmtree(self.dir, ignore_errors=True)

    def getstate(self) -> dict[str, str | None]:
        """Return what makes this space again, as JSON can hold it."""
        return {"root": str(self.root), "path": str(self.path), "session": self.session}


@dataclass(frozen=True)
class Mask:
    """True when the job is masked; `reason` says why, None when it is not."""

    reason: str | None = None

    def __bool__(self) -> bool:
        return self.reason is not None

    def __str__(self) -> str:
        return self.reason or ""


def find_cache_dir(start: Path) -> Path | None:
    """Return the folder in which the workspace around `start` keeps what outlives a session, or None outside of one.

    The workspace is the nearest folder, from `start` upwards, that holds a `.canary-wf`. The folder itself may not
    be there yet.
    """
    start = absolute_path(start)
    for folder in (start, *start.parents):
        if (folder / STATE_FOLDER).is_dir():
            return history_file(folder).parent
    return None


def workspace_of(folder: Path) -> Path | None:
    """Return OUT of the workspace that `folder` lies in, or None when it lies in none."""
    cache = find_cache_dir(folder)
    return None if cache is None else cache.parent.parent
