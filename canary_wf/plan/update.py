"""Carries final states of the newest session over into a new one: `generate --update`.

A job keeps its verdict if its id and its inputs are unchanged and all jobs that it depends on keep theirs. A CTest test
that runs again makes a fixture run again that its clean-up has undone. The working directory of a job that keeps its
verdict is carried over, as hard links if the file system supports them.
"""

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

from canary_wf.ctest.undone_fixtures import with_fixtures
from canary_wf.errors import WorkspaceError
from canary_wf.files.json_files import not_writable
from canary_wf.files.plain_files import link_on_the_way
from canary_wf.graph import dependents_of, downstream
from canary_wf.plan.model import Plan
from canary_wf.plan.store import load_plan, slices
from canary_wf.process.process_identity import host_id
from canary_wf.spec.batch_slice import BatchSlice, PlannedJob
from canary_wf.state.attempt import claim_batch
from canary_wf.state.events import AttemptEnded, AttemptStarted
from canary_wf.state.journal import CARRIED
from canary_wf.state.journal_repair import job_events, load_batch
from canary_wf.state.record import JobRecord
from canary_wf.state.recording import open_recorder
from canary_wf.state.session_paths import SessionPaths


def carry_over(old: SessionPaths, plan: Plan, new: SessionPaths) -> int:
    """Record in the session `new` of `plan` the verdicts of the session `old` that are still valid. Return how many."""
    try:
        earlier_plan = load_plan(old.plan)
    except WorkspaceError as error:
        hint = "leave --update away to begin a new session without its verdicts"
        raise WorkspaceError(error.what, where=error.where, hint=hint) from error
    records: dict[str, JobRecord] = {}
    earlier = {job.id: job for job in earlier_plan.jobs}
    for batch in earlier_plan.batches:
        with suppress(WorkspaceError):  # the jobs of a journal that cannot be read run again
            records |= load_batch(old, batch.id, [earlier[job] for job in batch.jobs], alive=False).jobs
    kept = _unchanged(plan, earlier, records, old)
    for batch_slice in slices(plan):
        members = [job for job in batch_slice.jobs if job.id in kept]
        if members:
            _carry_batch(batch_slice, members, earlier, records, (old, new))
    return len(kept)


def _unchanged(
    plan: Plan, earlier: dict[str, PlannedJob], records: dict[str, JobRecord], old: SessionPaths
) -> set[str]:
    changed = {
        job.id
        for job in plan.jobs
        if job.id not in earlier
        or earlier[job.id].inputs != job.inputs
        or not _stands(records.get(job.id), old.job(earlier[job.id].directory))
    }
    upstreams = {job.id: job.upstreams for job in plan.jobs}
    dependents = dependents_of(upstreams, upstreams.__getitem__)
    changed.update(downstream(changed, dependents.get))
    done = {job for job, record in records.items() if record.status.is_final}
    return {job.id for job in plan.jobs} - with_fixtures(changed, plan.jobs, done)


def _stands(record: JobRecord | None, folder: Path) -> bool:
    """Return whether a verdict is final and the `folder` of a job that ran still exists.

    BLOCKED counts as final here, because a job runs again if a job that it depends on does.
    """
    return record is not None and record.status.is_final and (record.started is None or os.path.isdir(folder))  # noqa: PTH112 - also False without permission


def _carry_batch(
    batch_slice: BatchSlice,
    members: list[PlannedJob],
    earlier: dict[str, PlannedJob],
    records: dict[str, JobRecord],
    sessions: tuple[SessionPaths, SessionPaths],
) -> None:
    old, new = sessions
    attempt = claim_batch(new.batch(batch_slice.batch.id).attempt)
    recorder = open_recorder(
        new, batch_slice.batch.id, batch_slice.jobs, batch_slice.upstreams, attempt.require_current
    )
    now = time.time()
    recorder(AttemptStarted(time=now, token=attempt.token, host=host_id(), pid=attempt.content.pid))
    for job in members:
        record = records[job.id]
        directory = earlier[job.id].directory
        if not _leads_over_a_link(old, directory):  # a link may have been put there; files from elsewhere stay out
            _link_tree(old.job(directory), new.job(job.directory))
        for event in job_events(job.id, record):
            recorder(event)
    recorder(AttemptEnded(time=now, token=attempt.token, reason=CARRIED))
    recorder.close()
    attempt.end()


def _leads_over_a_link(paths: SessionPaths, directory: str) -> bool:
    try:
        return link_on_the_way(str(paths.jobs), f"{paths.job_folder(directory)}/") is not None
    except FileNotFoundError:
        return False


def _link_tree(source: Path, target: Path) -> None:
    try:
        shutil.copytree(source, target, symlinks=True, copy_function=_link_or_copy)
    except OSError as error:
        raise not_writable(target, error) from error


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)
