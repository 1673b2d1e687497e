"""Taking final states of the newest session over into a new one: `generate --update`.

A job keeps its verdict when its id and its inputs are the same and all jobs it depends on keep theirs. Its working
directory comes along, as hard links where the file system has them.
"""

import os
import shutil
import time
from pathlib import Path

from canary_wf.hooks.recorder import Recorder
from canary_wf.hooks.recording import open_recorder
from canary_wf.job.attempt import take_batch
from canary_wf.job.events import AttemptEnded, AttemptStarted, JobFinished, JobRetried, JobStarted
from canary_wf.job.journal import CARRIED, read_journal
from canary_wf.job.processes import this_place
from canary_wf.job.record import EarlierRun, JobRecord
from canary_wf.json_files import not_writable
from canary_wf.plan.batch_slice import BatchSlice, PlannedJob
from canary_wf.plan.model import Plan
from canary_wf.plan.store import load_plan, slices
from canary_wf.session_paths import SessionPaths


def carry_over(old: SessionPaths, plan: Plan, new: SessionPaths) -> int:
    """Record in the session `new` of `plan` what of the session `old` still stands; return the number of jobs."""
    before = load_plan(old.plan)
    records: dict[str, JobRecord] = {}
    for batch in before.batches:
        records |= read_journal(old.batch(batch.id).journal).jobs
    earlier = {job.id: job for job in before.jobs}
    kept = _unchanged(plan, earlier, records)
    for part in slices(plan):
        members = [job for job in part.jobs if job.id in kept]
        if members:
            _carry_batch(part, members, earlier, records, (old, new))
    return len(kept)


def _unchanged(plan: Plan, earlier: dict[str, PlannedJob], records: dict[str, JobRecord]) -> set[str]:
    changed = {
        job.id
        for job in plan.jobs
        if job.id not in earlier or earlier[job.id].inputs != job.inputs or not _stands(records.get(job.id))
    }
    downstream: dict[str, list[str]] = {}
    for job in plan.jobs:
        for edge in job.dependencies:
            downstream.setdefault(edge.job, []).append(job.id)
    todo = list(changed)
    while todo:
        for name in downstream.get(todo.pop(), ()):
            if name not in changed:
                changed.add(name)
                todo.append(name)
    return {job.id for job in plan.jobs} - changed


def _stands(record: JobRecord | None) -> bool:
    """Return whether a verdict is final; one of BLOCKED is where the jobs before it keep theirs, which is seen to."""
    return record is not None and record.status.is_final


def _carry_batch(
    part: BatchSlice,
    members: list[PlannedJob],
    earlier: dict[str, PlannedJob],
    records: dict[str, JobRecord],
    sessions: tuple[SessionPaths, SessionPaths],
) -> None:
    old, new = sessions
    attempt = take_batch(new.batch(part.batch.id).attempt)
    recorder = open_recorder(new, part.batch.id, part.jobs, part.upstreams, attempt.hold)
    now = time.time()
    recorder(AttemptStarted(time=now, token=attempt.token, host=this_place(), pid=attempt.content.pid))
    for job in members:
        record = records[job.id]
        _link_tree(old.job(earlier[job.id].directory), new.job(job.directory))
        for run in record.earlier:
            _carry_run(recorder, job.id, run)
        if record.started is not None:
            recorder(JobStarted(time=record.started, job=job.id, resources=record.resources))
        recorder(
            JobFinished(
                time=record.finished or now,
                job=job.id,
                outcome=record.status.outcome.name,
                reason=record.status.reason,
                code=record.status.code,
                measurements=record.measurements,
            )
        )
    recorder(AttemptEnded(time=now, token=attempt.token, reason=CARRIED))
    recorder.close()
    attempt.end()


def _carry_run(recorder: Recorder, job: str, run: EarlierRun) -> None:
    if run.started is not None:
        recorder(JobStarted(time=run.started, job=job, resources=run.resources))
    status = run.status
    recorder(
        JobRetried(
            time=run.finished,
            job=job,
            outcome=status.outcome.name,
            reason=status.reason,
            code=status.code,
            measurements=run.measurements,
            output=run.output,
        )
    )


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
