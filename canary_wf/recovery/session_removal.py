"""Which old sessions may go, and taking them away: never the newest, nor one that is being run.

What is not a session that this user, or a trusted one, generated is left alone, whatever its name. Files that sessions
share (`generate --update` links them) are only freed with the last session that has them.
"""

import os
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from canary_wf.files.folder_removal import remove_folder
from canary_wf.files.json_files import not_writable
from canary_wf.files.plain_files import open_plain
from canary_wf.state.attempt import living, read_attempt
from canary_wf.state.session_paths import SessionPaths, session_names
from canary_wf.state.trust import may_remove

_STAMP = "%Y%m%dT%H%M%S"
_PLAN = re.compile(rb'\s*{\s*"schema":\s*"canary-wf/plan/')
_HEADER = 200
"""Bytes of a plan in which its format stands."""

_BLOCK = 512
"""Bytes of a block as `stat` counts them (POSIX)."""


class OldSession(msgspec.Struct, frozen=True):
    """A session that may go, when it was made (epoch seconds), and the bytes that are free without it."""

    paths: SessionPaths
    created: float
    freed: int


def old_sessions(out: Path, *, keep: int | None, before: float | None) -> list[OldSession]:
    """Return the sessions of `out` that may go, oldest first: all but the newest `keep`, of them those made `before`.

    None sets no condition. What is freed is counted as if they went in this order.
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
        OldSession(paths, created, _freed(paths.folder, seen))
        for paths, created in found
        if paths.session not in running
    ]


def _is_ours(paths: SessionPaths) -> bool:
    """Return whether `generate` made the folder for this user: then it has a plan, from its first moment on."""
    try:
        with open_plain(paths.plan) as file:
            begins = file.read(_HEADER)
    except OSError:
        return False
    return _PLAN.match(begins) is not None and may_remove(paths.folder, paths.out)


def created_at(paths: SessionPaths) -> float:
    """Return when a session was made (epoch seconds): its name says it, else its folder does."""
    try:
        return datetime.strptime(paths.session[:15], _STAMP).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return paths.folder.stat().st_mtime


def running_sessions(sessions: Iterable[SessionPaths]) -> set[str]:
    """Return those of `sessions` that a live runner works on a batch of."""
    files = [path for paths in sessions for path in (paths.folder / "batches").glob("*/attempt.json")]
    return {path.parents[2].name for path in living((path, read_attempt(path)) for path in files)}


def remove_sessions(sessions: Iterable[OldSession]) -> None:
    """Remove `sessions`: each is gone at once, its files shortly after. Raises WorkspaceError when it cannot be."""
    for session in sessions:
        folder = session.paths.folder
        beside = folder.with_name(f".{folder.name}.removed")
        try:
            folder.rename(beside)
            remove_folder(beside)
        except OSError as error:
            raise not_writable(folder, error, "see whose files they are") from error


def _freed(folder: Path, seen: dict[tuple[int, int], int]) -> int:
    """Return the bytes that go with `folder`; `seen` counts the names met so far of files that have several."""
    freed = 0
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            found = os.lstat(os.path.join(place, name))  # noqa: PTH118 - once a file
            if name in files and found.st_nlink > 1:
                key = (found.st_dev, found.st_ino)
                seen[key] = seen.get(key, 0) + 1
                if seen[key] < found.st_nlink:
                    continue
            freed += found.st_blocks * _BLOCK
    return freed


def total_freed(sessions: Sequence[OldSession]) -> int:
    """Return the bytes that go with all of `sessions`."""
    return sum(session.freed for session in sessions)
