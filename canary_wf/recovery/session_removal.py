"""Removing old sessions: which ones may go, never the newest one or one that is being run.

A folder is left alone, whatever its name, unless this user or a trusted one generated it as a session. Files shared by
sessions (`generate --update` links them) are only freed with the last session that has them. The artifacts of a session
outlive it, with the state of their jobs, in `.canary-wf/artifacts/SESSION/`.
"""

import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from canary_wf.files.folder_removal import remove_folder
from canary_wf.files.json_files import not_writable
from canary_wf.files.plain_files import open_plain, require_real_folder
from canary_wf.state.attempt import living, read_attempt
from canary_wf.state.job_file import STATE_FILE, is_artifacts_folder
from canary_wf.state.session_paths import SessionPaths, artifacts_folder, folder_names, session_names
from canary_wf.state.trust import may_remove

_STAMP = "%Y%m%dT%H%M%S"
_PLAN = re.compile(rb'\s*{\s*"schema":\s*"canary-wf/plan/')
_HEADER = 200
"""Bytes at the start of a plan that contain its format."""

_BLOCK = 512
"""Bytes per block in the answers of `stat` (POSIX)."""


class OldSession(msgspec.Struct, frozen=True):
    """A session that may go: when it was made (epoch seconds), and the bytes that its removal frees."""

    paths: SessionPaths
    created: float
    freed: int


def old_sessions(out: Path, *, keep: int | None, before: float | None, artifacts: bool = False) -> list[OldSession]:
    """Return the sessions of `out` that may go, oldest first: all but the newest `keep`, if made `before` that time.

    None disables a condition. The freed bytes are counted as if the sessions are removed in this order; with
    `artifacts`, those are removed, too.
    """
    names = [name for name in session_names(out) if _is_ours(SessionPaths(out, name))]
    seen: dict[tuple[int, int], int] = {}
    found = []
    for name in names[: max(0, len(names) - max(1, keep or 1))]:
        paths = SessionPaths(out, name)
        created = created_at(paths)
        if before is None or created < before:
            found.append((paths, created))
    running = running_sessions(paths for paths, _ in found)
    return [
        OldSession(paths, created, _freed(paths.folder, seen, artifacts=artifacts))
        for paths, created in found
        if paths.session not in running
    ]


def _is_ours(paths: SessionPaths) -> bool:
    """Return whether `generate` made the folder for this user; it then has a plan from its first moment on."""
    try:
        with open_plain(paths.plan) as file:
            begins = file.read(_HEADER)
    except OSError:
        return False
    return _PLAN.match(begins) is not None and may_remove(paths.folder, paths.out)


def created_at(paths: SessionPaths) -> float:
    """Return when a session was made (epoch seconds), from its name or else from its folder."""
    try:
        return datetime.strptime(paths.session[:15], _STAMP).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return paths.folder.stat().st_mtime if paths.folder.exists() else 0.0


def running_sessions(sessions: Iterable[SessionPaths]) -> set[str]:
    """Return the names of the sessions with a live runner."""
    files = [paths.batch(batch).attempt for paths in sessions for batch in paths.batches()]
    return {path.parents[2].name for path in living((path, read_attempt(path)) for path in files)}


def remove_sessions(sessions: Iterable[OldSession], *, artifacts: bool = False) -> int:
    """Remove `sessions`: each disappears at once, its files shortly after. Return how many jobs' artifacts stay.

    With `artifacts`, none stay. Raises WorkspaceError if something cannot be removed.
    """
    stay = 0
    for session in sessions:
        folder = session.paths.folder
        removed = folder.with_name(f".{folder.name}.removed")
        try:
            if not artifacts:  # first, as `generate` removes what a killed `gc` has left of a renamed session
                require_real_folder(session.paths.kept_artifacts)
                stay += _move_artifacts(session.paths.jobs, session.paths.kept_artifacts)
            folder.rename(removed)
            remove_folder(removed)
        except OSError as error:
            raise not_writable(folder, error, "see whose files they are") from error
    return stay


def _move_artifacts(jobs: Path, target: Path) -> int:
    """Move the artifacts below the folder `jobs`, with the state of each job, to `target`; return of how many jobs."""
    moved = 0
    for parent, folders, files in os.walk(jobs):
        kept = [name for name in folders if is_artifacts_folder(name) and not Path(parent, name).is_symlink()]
        folders[:] = [name for name in folders if name not in kept]
        place = target / Path(parent).relative_to(jobs)
        # A `gc` that was killed may have moved the state already.
        if not kept or not (STATE_FILE in files or (place / STATE_FILE).is_file()):
            continue
        place.mkdir(parents=True, exist_ok=True)
        for name in (*(name for name in files if name == STATE_FILE), *sorted(kept)):
            _move(Path(parent, name), place / name)
        moved += 1
    return moved


def _move(path: Path, place: Path) -> None:
    """Rename `path`, also out of a folder that a job of this user made read-only. Raises OSError."""
    try:
        path.rename(place)
    except PermissionError:
        for folder in (path.parent, path):
            if folder.is_dir():
                folder.chmod(0o700)
        path.rename(place)


def old_artifacts(out: Path, *, before: float | None) -> list[OldSession]:
    """Return the artifacts in `out` of sessions that are gone, oldest first: those of sessions made `before` then.

    Raises WorkspaceError if their folder is a link or cannot be read.
    """
    found = []
    seen: dict[tuple[int, int], int] = {}
    require_real_folder(artifacts_folder(out))
    for name in folder_names(artifacts_folder(out)):
        paths = SessionPaths(out, name)
        folder = paths.kept_artifacts
        created = created_at(paths)
        if (before is None or created < before) and may_remove(folder, out):
            found.append(OldSession(paths, created, _freed(folder, seen, artifacts=True)))
    return found


def remove_artifacts(sessions: Iterable[OldSession]) -> None:
    """Remove the artifacts of `sessions`, which are gone. Raises WorkspaceError if it cannot."""
    for session in sessions:
        folder = session.paths.kept_artifacts
        try:
            remove_folder(folder)
        except OSError as error:
            raise not_writable(folder, error, "see whose files they are") from error


def _freed(folder: Path, seen: dict[tuple[int, int], int], *, artifacts: bool) -> int:
    """Return the bytes freed with `folder`; `seen` counts the hard links found so far, by file."""
    freed = 0
    for parent, folders, files in os.walk(folder):
        if not artifacts:
            folders[:] = [name for name in folders if not is_artifacts_folder(name)]
        for name in (*folders, *files):
            found = os.lstat(os.path.join(parent, name))  # noqa: PTH118 - once a file
            if name in files and found.st_nlink > 1:
                key = (found.st_dev, found.st_ino)
                seen[key] = seen.get(key, 0) + 1
                if seen[key] < found.st_nlink:
                    continue
            freed += found.st_blocks * _BLOCK
    return freed


def size_on_disk(folder: Path) -> int:
    """Return the bytes that all below `folder` takes; a file with several names in it counts once."""
    found = {}
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            with suppress(OSError):  # a job that runs removes files
                known = os.lstat(os.path.join(parent, name))  # noqa: PTH118 - once a file
                found[known.st_dev, known.st_ino] = known.st_blocks * _BLOCK
    return sum(found.values())


def total_freed(sessions: Sequence[OldSession]) -> int:
    """Return the bytes freed with all of `sessions`."""
    return sum(session.freed for session in sessions)
