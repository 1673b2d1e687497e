"""How a batch ends: with a small file, written last, which says that all jobs are done; or with the reason why not."""

import os
import sys
import time
from collections import Counter
from pathlib import Path

import msgspec

from canary_wf.errors import CanaryWfError, ExitCode, one_line
from canary_wf.files.json_files import write_json
from canary_wf.run.progress import say
from canary_wf.run.scheduler import BatchScheduler
from canary_wf.snakemake.caller_environment import RUN
from canary_wf.spec.batch_slice import BatchSlice
from canary_wf.state.journal import BatchState
from canary_wf.state.session_paths import SessionPaths

SCHEMA = "canary-wf/result/1"
SIGNAL_EXIT = 128

_STOPPED_EARLY = "enough jobs have failed (canary-wf run --max-fail), so no more are started"
_CHOSEN_ARE_DONE = "the jobs that were chosen for this run are done, and others are left"
_GO_ON = "canary-wf run goes on with them"


class BatchResult(msgspec.Struct, frozen=True, kw_only=True):
    """The times of the batch (epoch seconds), its number of attempts, and the number of jobs by category."""

    schema: str = SCHEMA
    session: str
    batch: str
    started: float
    finished: float
    attempts: int
    counts: dict[str, int]


def write_result(path: Path, batch_slice: BatchSlice, state: BatchState, started: float) -> None:
    """Write the result of the batch of `batch_slice`; the content is on disk before the name appears."""
    counts = Counter(state.record(job.id).status.category.value for job in batch_slice.jobs)
    result = BatchResult(
        session=batch_slice.session,
        batch=batch_slice.batch.id,
        started=started,
        finished=time.time(),
        attempts=len(state.attempts),
        counts=dict(counts),
    )
    write_json(path, result, sync=True)


def tell_why_incomplete(batch: str, scheduler: BatchScheduler, paths: SessionPaths, *, chosen: bool) -> int:
    """Write why `scheduler` ended before all jobs of `batch` were done; return the exit code.

    `chosen` says that it did all that was chosen for this run.
    """
    if chosen:
        from canary_wf.recovery.run_choice import note_done  # late, as few runs have chosen ones

        note_done(paths, batch)
        say(f"batch {batch}: {_CHOSEN_ARE_DONE}; {_GO_ON}")
        return ExitCode.JOBS_FAILED
    if scheduler.stopped_by is not None:
        say(f"batch {batch}: ended by signal {scheduler.stopped_by}")
        return SIGNAL_EXIT + scheduler.stopped_by
    if scheduler.disk_was_full:
        message = "jobs that ended while a disk was full will run again; free some space"
        sys.stderr.write(f"canary-wf: batch {batch}: {message}\n")
        return ExitCode.WORKSPACE
    if scheduler.stopped_early:
        say(f"batch {batch}: {_STOPPED_EARLY}; {_GO_ON}")
    for name, reason in scheduler.unplaced:
        message = one_line(f"job {name} cannot run with the resources of this batch: {reason}")
        sys.stderr.write(f"canary-wf: {message}\n")
    return ExitCode.JOBS_FAILED


def require_more_to_run(batch: str, paths: SessionPaths) -> None:
    """Raise CanaryWfError if this run starts no more jobs of `batch`; a retried batch ends here at once."""
    if os.path.lexists(paths.failure_limit / "reached"):
        raise CanaryWfError(_STOPPED_EARLY, where=f"batch {batch}", hint=_GO_ON)
    run = os.environ.get(RUN)
    if run is not None and os.path.lexists(paths.chosen_jobs):
        from canary_wf.recovery.run_choice import chosen_jobs, is_done  # late, as few runs have chosen ones

        if is_done(paths, batch) and chosen_jobs(paths, run) is not None:
            raise CanaryWfError(_CHOSEN_ARE_DONE, where=f"batch {batch}", hint=_GO_ON)
