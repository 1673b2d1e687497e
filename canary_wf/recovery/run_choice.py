"""Which jobs a `canary-wf run` of named or failed jobs runs: a folder of the session, which its runners look at.

The folder names the run by a token that its runners have in their environment. Any other runner, also after that run
was killed, finds another token or none, and runs all jobs of its batch. A batch whose chosen jobs are done is noted
here, so that a retry of its rule ends at once: the batch has no result while other jobs of it are left.
"""

import os
from collections.abc import Collection

import msgspec

from canary_wf.errors import WorkspaceError
from canary_wf.files.folder_removal import remove_anything
from canary_wf.files.json_files import read_json, write_json
from canary_wf.files.plain_files import open_own
from canary_wf.state.session_paths import SessionPaths


class _Choice(msgspec.Struct, frozen=True):
    """The token of the run, and the ids of the jobs that it runs."""

    run: str
    jobs: tuple[str, ...]


def choose_jobs(paths: SessionPaths, run: str, jobs: Collection[str] | None) -> None:
    """Let the runners of `run` run only these `jobs` of the session; None removes what was chosen before.

    Raises WorkspaceError when that cannot be written.
    """
    folder = paths.chosen_jobs
    remove_anything(folder)
    if jobs is not None:
        folder.mkdir()
        write_json(folder / "jobs.json", _Choice(run, tuple(sorted(jobs))))


def chosen_jobs(paths: SessionPaths, run: str) -> frozenset[str] | None:
    """Return the ids of the jobs that `run` is to run, None for all."""
    try:
        choice: _Choice = read_json(paths.chosen_jobs / "jobs.json", _Choice)
    except WorkspaceError:  # of a run that was killed while it wrote
        return None
    return frozenset(choice.jobs) if choice.run == run else None


def note_done(paths: SessionPaths, batch: str) -> None:
    """Note that the chosen jobs of `batch` are done. Raises OSError."""
    os.close(open_own(paths.chosen_jobs / f"{batch}.done", os.O_WRONLY))


def is_done(paths: SessionPaths, batch: str) -> bool:
    """Return whether the chosen jobs of `batch` are done, though others are left."""
    return os.path.exists(paths.chosen_jobs / f"{batch}.done")  # noqa: PTH110 - once for each batch
