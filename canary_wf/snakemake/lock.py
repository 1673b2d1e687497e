"""Whether Snakemake holds its lock on a workspace, and freeing the lock of a Snakemake that died.

Snakemake's lock is a file that a killed Snakemake cannot remove, and it does not name its owner. The workflow's start
handler writes the owner to a file beside it. So the next run after a crash, or after a lost login shell, needs no
`snakemake --unlock`. A lock of a process that may live, or of a foreign workflow, is never touched.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from canary_wf.errors import WorkspaceError
from canary_wf.files.json_files import read_json, write_json
from canary_wf.files.locks import file_lock, is_held
from canary_wf.process.process_identity import ProcessIdentity
from canary_wf.state.session_paths import STATE_FOLDER
from canary_wf.state.trust import is_trusted

_LOCK_NAME = re.compile(r"[0-9]+\.(input|output)\.lock", re.ASCII)


def record_owner(out: Path) -> None:
    """Note that this process runs the workflow of `out`, if it runs in that folder, where Snakemake's lock lies."""
    if Path.cwd().resolve() != out.resolve():
        return
    write_json(_owner_file(out), ProcessIdentity.own())


def has_lock(folder: Path) -> bool:
    """Return whether there is a Snakemake lock on `folder`, whoever took it."""
    return bool(_locks(folder))


def is_locked(out: Path) -> bool:
    """Return whether a Snakemake that may live holds the lock on `out`."""
    # Checked last: a Snakemake that ends may remove its lock meanwhile.
    return not _is_stale(out) and has_lock(out)


def release_stale_lock(out: Path) -> None:
    """Free the lock on `out` if its owner is known to be dead and the workspace is the user's.

    Only files with the names of Snakemake's locks are removed, and none if the folder of locks is a link. What cannot
    be read or removed stays, and Snakemake reports it.
    """
    with suppress(OSError):
        if _is_stale(out) and is_trusted(out) and not (out / ".snakemake" / "locks").is_symlink():
            for path in _locks(out):
                if _LOCK_NAME.fullmatch(path.name) and not path.is_symlink():
                    path.unlink(missing_ok=True)


@contextmanager
def workspace_lock(out: Path) -> Iterator[None]:
    """Let one process at a time write the workflow or state of `out`. Raises WorkspaceError while another one does."""
    busy = WorkspaceError("another canary-wf is writing here", where=out, hint="wait until it is done")
    with file_lock(out / STATE_FOLDER / "lock", patience=0, busy=busy):
        yield


_own: set[Path] = set()
"""The workspaces in which this process is a `canary-wf run`."""


@contextmanager
def run_lock(out: Path) -> Iterator[None]:
    """Let one `canary-wf run` at a time work in `out`. Raises WorkspaceError while another one does."""
    hint = "watch it with canary-wf status --watch, or end it with canary-wf cancel"
    busy = WorkspaceError("another canary-wf run is in progress", where=out, hint=hint)
    with file_lock(_run_lock_file(out), patience=1.0, busy=busy):  # who looks shares it for a moment
        _own.add(out)
        try:
            yield
        finally:
            _own.discard(out)


def is_run_elsewhere(out: Path) -> bool:
    """Return whether another process is a `canary-wf run` in `out`; it may not have started Snakemake yet."""
    return out not in _own and is_held(_run_lock_file(out))


def _run_lock_file(out: Path) -> Path:
    return out / STATE_FOLDER / "run.lock"


def _is_stale(out: Path) -> bool:
    locks = _locks(out)
    if not locks or not _owner_file(out).is_file():
        return False
    try:
        owner: ProcessIdentity = read_json(_owner_file(out), ProcessIdentity)
    except WorkspaceError:
        return False  # a damaged note says nothing about the lock, which then stands
    try:
        # A lock younger than the note belongs to a process that has not written its own note yet.
        is_younger = max(path.stat().st_mtime for path in locks) > _owner_file(out).stat().st_mtime
    except FileNotFoundError:
        return False  # its owner lives, and has removed it just now
    return not is_younger and not owner.may_live


def _locks(out: Path) -> list[Path]:
    try:
        return sorted((out / ".snakemake" / "locks").iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _owner_file(out: Path) -> Path:
    return out / STATE_FOLDER / "workflow.json"
