"""Plans on disk: written whole or not at all, with a slice for each batch beside them, and read back checked."""

import os
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from canary_wf.errors import WorkspaceError
from canary_wf.files.folder_removal import remove_folder
from canary_wf.files.json_files import not_writable, read_json, sync_file, sync_folder, write_json, written_by
from canary_wf.hooks.user_hooks import sign_hooks
from canary_wf.plan.model import SCHEMA, Plan
from canary_wf.spec.batch_slice import BatchSlice, PlannedBatch, PlannedJob, Upstream
from canary_wf.state.session_paths import SESSION_NAME, SessionPaths, require_inside, session_names, sessions_folder

_AT_ONCE = 16
"""Files that are synced at the same time."""


def write_session(plan: Plan, out: Path) -> SessionPaths:
    """Make the session folder of `plan` in `out`: it appears with everything in it, or not at all.

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
        for part in slices(plan):
            write_json(beside.slice(part.batch.id), part)
        write_json(beside.plan, plan)
        _sync_all(beside.folder)
        beside.folder.rename(paths.folder)
        sync_folder(paths.folder.parent)
    except BaseException as error:  # Ctrl-C too leaves nothing half-written
        shutil.rmtree(beside.folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise not_writable(paths.folder, error) from error
        raise
    return paths


def _sync_all(folder: Path) -> None:
    """Return once all below `folder` is on the disk, and nothing else: others may write much to the same disk.

    Several at a time, as a file system puts what is asked for at once on the disk at once: thousands of slices take
    seconds one by one.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for place, _, files in os.walk(folder, topdown=False):
            list(pool.map(sync_file, (f"{place}/{name}" for name in files)))
            sync_file(place)


def _remove_leftovers(out: Path) -> None:
    """Remove what a `generate` or `gc` that was killed left; the caller has the workspace to itself."""
    for name in ("tmp", "removed"):
        for folder in sessions_folder(out).glob(f".*.{name}"):
            if SESSION_NAME.fullmatch(folder.name[1:].removesuffix(f".{name}")):
                with suppress(OSError):  # what is somebody else's is in nobody's way
                    remove_folder(folder)


def remove_session(paths: SessionPaths) -> None:
    """Take back a session that was just written: it is gone at once, its files shortly after."""
    beside = SessionPaths(paths.out, f".{paths.session}.removed")
    paths.folder.rename(beside.folder)
    shutil.rmtree(beside.folder, ignore_errors=True)


def slices(plan: Plan) -> Iterator[BatchSlice]:
    """Yield for each batch the part of `plan` that its runner needs."""
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
    """Return the tests of CTest that tests of other batches depend on."""
    return {
        edge.job
        for job in jobs.values()
        if job.kind == "ctest"
        for edge in job.dependencies
        if edge.job in jobs and jobs[edge.job].batch != job.batch
    }


def _pool_for(plan: Plan, batch: PlannedBatch) -> dict[str, Any]:
    """Return the plan's pool, with the CPUs and GPUs of the kind of node that `batch` needs."""
    if batch.node is None:
        return plan.resource_pool
    whole = {kind: [{"id": str(number), "slots": 1} for number in range(batch.node[kind])] for kind in ("cpus", "gpus")}
    return {**plan.resource_pool, "resources": {**plan.resource_pool["resources"], **whole}}


def load_plan(path: Path) -> Plan:
    """Return the plan in `path`. Raises WorkspaceError when it is missing, damaged or of another format."""
    if not os.path.lexists(path):
        raise WorkspaceError("there is no such plan", where=path, hint="make one with canary-wf generate")
    try:
        plan: Plan = read_json(path, Plan)
    except WorkspaceError:
        # What does not fit may be of another format, which says more than its first difference.
        header: _Header = read_json(path, _Header)
        _check_format(header.schema, path)
        raise
    _check_format(plan.schema, path)
    require_inside(path, plan.jobs, (batch.id for batch in plan.batches))
    _require_known(plan, path)
    return plan


def _require_known(plan: Plan, path: Path) -> None:
    """Raise WorkspaceError when batches have jobs, or jobs a batch, that the plan does not know, or it has no name."""
    hint = "start a new session with canary-wf generate"
    if not plan.session.isprintable():
        raise WorkspaceError(f"is damaged ({plan.session!r} is not the name of a session)", where=path, hint=hint)
    jobs, batches = {job.id for job in plan.jobs}, {batch.id for batch in plan.batches}
    named = {job for batch in plan.batches for job in batch.jobs}
    before = {batch for each in plan.batches for batch in each.dependencies}
    if not (named <= jobs and before <= batches and all(job.batch in batches for job in plan.jobs)):
        raise WorkspaceError("is damaged (it names jobs or batches that it does not have)", where=path, hint=hint)


class _Header(msgspec.Struct, frozen=True):
    """What every format of a plan has."""

    schema: str


def _check_format(schema: str, path: Path) -> None:
    if schema != SCHEMA:
        hint = "read it with the version that made it, or make a new one with canary-wf generate"
        told = f"is of format {schema!r}, not {SCHEMA!r}{written_by(schema, SCHEMA)}"
        raise WorkspaceError(told, where=path, hint=hint)


def newest_session(out: Path) -> SessionPaths:
    """Return the newest session in `out`. Raises WorkspaceError when there is none."""
    names = session_names(out)
    if not names:
        hint = "make one with canary-wf generate, or name its folder with -d"
        raise WorkspaceError("there is no session", where=out, hint=hint)
    return SessionPaths(out, names[-1])
