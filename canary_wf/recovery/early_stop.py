"""After how many failed jobs a run starts no more: a folder of the session, which all its runners look at.

The folder exists while a limit holds. Each failure is a file in it, so that runners on several machines can count
without a lock; the runner that notes the last one also writes the file `reached`, which is all that others look for.
"""

import os
from pathlib import Path

import msgspec

from canary_wf.errors import WorkspaceError
from canary_wf.files.folder_removal import remove_anything
from canary_wf.files.json_files import read_json, write_json
from canary_wf.files.plain_files import open_own
from canary_wf.process.process_identity import ProcessIdentity
from canary_wf.state.session_paths import SessionPaths


class _Limit(msgspec.Struct, frozen=True):
    """How many jobs may fail, and the process that keeps to it and removes the folder at its end."""

    most: int
    owner: ProcessIdentity


class FailureLimit:
    """The limit in the folder `folder`, as the runner of `batch` sees it."""

    def __init__(self, folder: Path, batch: str) -> None:
        self._batch = batch
        self._noted = 0
        self._failures = folder / "failures"
        self._reached = str(folder / "reached")
        limit: _Limit = read_json(folder / "limit.json", _Limit)
        self.most = limit.most

    def note_failure(self) -> None:
        """Count one more failed job. Raises OSError."""
        self._noted += 1
        os.close(open_own(self._failures / f"{self._batch}-{os.getpid()}-{self._noted}", os.O_WRONLY))
        if len(os.listdir(self._failures)) >= self.most:  # noqa: PTH208 - only their number is needed
            os.close(open_own(self._reached, os.O_WRONLY))

    def is_reached(self) -> bool:
        """Return whether no further job may start."""
        return os.path.exists(self._reached)  # noqa: PTH110 - before each start


def set_failure_limit(paths: SessionPaths, most: int | None) -> None:
    """Let the session stop after `most` failures from now on; None removes the limit. Raises WorkspaceError."""
    folder = paths.failure_limit
    remove_anything(folder)
    if most is not None:
        (folder / "failures").mkdir(parents=True)
        write_json(folder / "limit.json", _Limit(most, ProcessIdentity.own()))


def drop_stale_limit(paths: SessionPaths) -> None:
    """Remove the limit of a `canary-wf run` that was killed, so that it holds for no later run. Raises OSError."""
    folder = paths.failure_limit
    if not os.path.lexists(folder):
        return
    try:
        limit: _Limit = read_json(folder / "limit.json", _Limit)
    except WorkspaceError:  # it was killed while it wrote, or somebody else has
        remove_anything(folder)
        return
    if not limit.owner.may_live:
        remove_anything(folder)


def is_stopped_early(paths: SessionPaths) -> bool:
    """Return whether the session starts no more jobs because enough have failed."""
    return os.path.exists(paths.failure_limit / "reached")  # noqa: PTH110 - once for each batch
