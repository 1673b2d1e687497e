"""Plans on disk: written completely or not at all, with a slice for each batch, and checked when they are read."""

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from canary_wf.errors import UsageError, WorkspaceError
from canary_wf.files.folder_removal import remove_folder
from canary_wf.files.json_files import not_writable, read_json, sync_file, sync_folder, write_json, written_by
from canary_wf.hooks.user_hooks import sign_hooks
from canary_wf.plan.model import SCHEMA, Plan
from canary_wf.spec.batch_slice import BatchSlice, PlannedBatch, PlannedJob, Upstream
from canary_wf.state.session_paths import SESSION_NAME, SessionPaths, require_inside, session_names, sessions_folder
from canary_wf.wording import some

_AT_ONCE = 16
"""Files that are synced at the same time."""


def write_session(plan: Plan, out: Path) -> SessionPaths:
    """Write the session folder of `plan` in `out`. It appears complete or not at all.

    The user's hooks are signed. Raises WorkspaceError.
    """
    plan = msgspec.structs.replace(plan, hooks_signature=sign_hooks(plan.session, plan.hooks))
    paths = SessionPaths(out, plan.session)
    beside = SessionPaths(out, f".{plan.session}.tmp")
    _remove_leftovers(out)
    try:
        beside.jobs.mkdir(parents=True)
        beside.slice("").parent.mkdir()
        (beside.folder / "batches").mkdir()
        for batch_slice in slices(plan):
            write_json(beside.slice(batch_slice.batch.id), batch_slice)
        write_json(beside.plan, plan)
        _sync_all(beside.folder)
        beside.folder.rename(paths.folder)
        sync_folder(paths.folder.parent)
    except BaseException as error:  # also after Ctrl-C, no partial session remains
        shutil.rmtree(beside.folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise not_writable(paths.folder, error) from error
        raise
    return paths


def _sync_all(folder: Path) -> None:
    """Sync all files below `folder` to disk, but not the whole file system, to which others may write much.

    Several files are synced at a time, because a file system combines concurrent requests. Syncing thousands of slices
    one by one would take seconds.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for directory, _, files in os.walk(folder, topdown=False):
            list(pool.map(sync_file, (f"{directory}/{name}" for name in files)))
            sync_file(directory)


def _remove_leftovers(out: Path) -> None:
    """Remove the leftovers of a killed `generate` or `gc`. The caller holds the workspace lock."""
    for name in ("tmp", "removed"):
        for folder in sessions_folder(out).glob(f".*.{name}"):
            if SESSION_NAME.fullmatch(folder.name[1:].removesuffix(f".{name}")):
                with suppress(OSError):  # a leftover of another user does no harm
                    remove_folder(folder)


def remove_session(paths: SessionPaths) -> None:
    """Remove a session that was just written: it disappears at once, its files shortly afterwards."""
    beside = SessionPaths(paths.out, f".{paths.session}.removed")
    paths.folder.rename(beside.folder)
    shutil.rmtree(beside.folder, ignore_errors=True)


def slices(plan: Plan) -> Iterator[BatchSlice]:
    """Yield the slice of `plan` that each batch's runner reads."""
    jobs = {job.id: job for job in plan.jobs}
    awaited = _awaited_elsewhere(jobs)
    for batch in plan.batches:
        members = tuple(jobs[job] for job in batch.jobs)
        inside = set(batch.jobs)
        outside = dict.fromkeys(
            edge.job for member in members for edge in member.dependencies if edge.job not in inside
        )
        yield BatchSlice(
            session=plan.session,
            scheduler=plan.scheduler,
            batch=batch,
            jobs=members,
            upstreams=tuple(
                Upstream(jobs[job].id, jobs[job].name, jobs[job].batch, jobs[job].directory) for job in outside
            ),
            node=batch.node or plan.node,
            resource_pool=_pool_for(plan, batch),
            workers=plan.workers,
            retry=plan.retry,
            bind=plan.bind,
            hooks=plan.hooks,
            awaited=tuple(job for job in batch.jobs if job in awaited),
            hooks_signature=plan.hooks_signature,
        )


def _awaited_elsewhere(jobs: Mapping[str, PlannedJob]) -> set[str]:
    """Return the CTest tests that tests of other batches depend on."""
    return {
        edge.job
        for job in jobs.values()
        if job.kind == "ctest"
        for edge in job.dependencies
        if edge.job in jobs and jobs[edge.job].batch != job.batch
    }


def _pool_for(plan: Plan, batch: PlannedBatch) -> dict[str, Any]:
    """Return the plan's pool, with the CPUs and GPUs of the node type that `batch` needs."""
    if batch.node is None:
        return plan.resource_pool
    whole = {
        resource_type: [{"id": str(number), "slots": 1} for number in range(batch.node[resource_type])]
        for resource_type in ("cpus", "gpus")
    }
    return {**plan.resource_pool, "resources": {**plan.resource_pool["resources"], **whole}}


def load_plan(path: Path) -> Plan:
    """Return the plan in `path`. Raises WorkspaceError if it is missing, damaged or of another format."""
    if not os.path.lexists(path):
        raise WorkspaceError("there is no such plan", where=path, hint="make one with canary-wf generate")
    try:
        plan: Plan = read_json(path, Plan)
    except WorkspaceError:
        # The file may be of another format. That is a better message than the first difference.
        header: _Header = read_json(path, _Header)
        _check_format(header.schema, path)
        raise
    _check_format(plan.schema, path)
    require_inside(path, plan.jobs, (batch.id for batch in plan.batches))
    _require_known(plan, path)
    return plan


def _require_known(plan: Plan, path: Path) -> None:
    """Raise WorkspaceError if batches or jobs refer to unknown jobs or batches, or the session's name is invalid."""
    hint = "start a new session with canary-wf generate"
    if not plan.session.isprintable():
        raise WorkspaceError(f"is damaged ({plan.session!r} is not the name of a session)", where=path, hint=hint)
    jobs, batches = {job.id for job in plan.jobs}, {batch.id for batch in plan.batches}
    named = {job for batch in plan.batches for job in batch.jobs}
    before = {batch for each in plan.batches for batch in each.dependencies}
    if not (named <= jobs and before <= batches and all(job.batch in batches for job in plan.jobs)):
        raise WorkspaceError("is damaged (it names jobs or batches that it does not have)", where=path, hint=hint)


class _Header(msgspec.Struct, frozen=True):
    """The field that every format of a plan has."""

    schema: str


def _check_format(schema: str, path: Path) -> None:
    if schema != SCHEMA:
        hint = "read it with the version that made it, or make a new one with canary-wf generate"
        message = f"is of format {schema!r}, not {SCHEMA!r}{written_by(schema, SCHEMA)}"
        raise WorkspaceError(message, where=path, hint=hint)


LATEST = "latest"
"""What people write for the newest session."""

_BACK = re.compile("-?[0-9]{1,6}", re.ASCII)


def newest_session(out: Path) -> SessionPaths:
    """Return the newest session in `out`. Raises WorkspaceError if there is none."""
    names = session_names(out)
    if not names:
        hint = "make one with canary-wf run PATH, or name its folder with -d"
        raise WorkspaceError("there is no session", where=out, hint=hint)
    return SessionPaths(out, names[-1])


def find_session(out: Path, text: str | None, *, where: object = "--session") -> SessionPaths:
    """Return the session in `out` that `text` means: its name, the beginning of its name, ``latest``, or a number.

    ``-1`` is the session before the newest, ``-2`` the one before that, as with `journalctl -b`; None and ``0`` are the
    newest. Raises WorkspaceError if there is no session, and UsageError about `where` if `text` means none or several.
    """
    newest = newest_session(out)
    if text is None or text.lower() == LATEST:
        return newest
    names = session_names(out)
    if _BACK.fullmatch(text) and int(text) <= 0:
        back = len(names) - 1 + int(text)
        if back < 0:
            raise UsageError(f"{text} goes back too far", where=where, hint=f"there are {len(names)} sessions here")
        return SessionPaths(out, names[back])
    found = [name for name in names if name == text] or [name for name in names if text and name.startswith(text)]
    if len(found) == 1:
        return SessionPaths(out, found[0])
    problem = f"{text!r} names {len(found)} sessions" if found else f"there is no session {text!r}"
    shown = some((found or names)[::-1])
    raise UsageError(problem, where=where, hint=f"there are {shown}; canary-wf sessions lists them all")
