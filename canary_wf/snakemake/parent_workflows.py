"""The parent workflows that use a suite as a module; nobody may change the suite while one of them runs.

Snakemake's lock lies in the folder where the parent workflow runs, which the suite does not know. So the process that
reads the suite's rules leaves a note with that folder and its own identity.
"""

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from canary_wf.errors import WorkspaceError
from canary_wf.files.json_files import read_json, write_json
from canary_wf.process.process_identity import ProcessIdentity
from canary_wf.snakemake.lock import has_lock
from canary_wf.state.session_paths import STATE_FOLDER
from canary_wf.state.trust import is_trusted

FOLDER = "larger"


class ParentWorkflow(ProcessIdentity, frozen=True, kw_only=True):
    """The Snakemake that read the suite's rules for a parent workflow, and the folder where it runs (absolute)."""

    folder: str


def note_parent_workflow(out: Path, workflow: Any) -> None:  # noqa: ANN401 - Snakemake's workflow, which has no public type
    """Note in `out` that this process reads its rules for another folder; the note of another live process is kept.

    Processes of `workflow` that run single jobs write no note. A suite that is not writable does without.
    """
    with suppress(OSError, WorkspaceError):
        here = Path.cwd().resolve()
        if not workflow.is_main_process or here == out.resolve() or not is_trusted(out):
            return
        path = _notes(out) / f"{hashlib.sha256(os.fsencode(here)).hexdigest()[:12]}.json"
        before = _read(path)
        if before is not None and before.may_live and has_lock(here):
            return
        path.parent.mkdir(exist_ok=True)
        own = ProcessIdentity.own()
        write_json(path, ParentWorkflow(own.host_id, own.pid, own.started_ticks, folder=str(here)))


def running_parent_workflows(out: Path) -> list[Path]:
    """Return the folders of parent workflows that use `out` and run, or may run."""
    found = [note for path in sorted(_notes(out).glob("*.json")) if (note := _read(path)) is not None]
    return [Path(note.folder) for note in found if note.may_live and has_lock(Path(note.folder))]


def last_parent_workflow(out: Path, since: float) -> Path | None:
    """Return the folder of the parent workflow that read the rules of `out` last, if after `since` (epoch seconds)."""
    found: tuple[float, Path] | None = None
    for path in _notes(out).glob("*.json"):
        with suppress(OSError):
            read_at, note = path.stat().st_mtime, _read(path)
            if note is not None and read_at >= since and (found is None or read_at > found[0]):
                found = read_at, Path(note.folder)
    return None if found is None else found[1]


def _notes(out: Path) -> Path:
    return out / STATE_FOLDER / FOLDER


def _read(path: Path) -> ParentWorkflow | None:
    if not path.exists():
        return None
    try:
        note: ParentWorkflow = read_json(path, ParentWorkflow)
    except WorkspaceError:
        return None  # a damaged note says nothing
    return note
