"""Settling what the dead left behind: jobs whose runner died get the verdict INTERRUPTED, so that none runs for ever.

Done by whoever takes the batch next: its next runner, the report, or the workflow's error handler. Reading commands
only show what settling would say.
"""

import time
from collections.abc import Iterable

from canary_wf.job.attempt import is_alive, read_attempt, take_batch
from canary_wf.job.events import AttemptEnded, AttemptStarted, JobFinished
from canary_wf.job.journal import BatchState, JournalWriter, read_journal
from canary_wf.job.phase import JobPhase
from canary_wf.job.processes import kill_left_behind, this_place
from canary_wf.job.status import Outcome
from canary_wf.session_paths import BatchPaths

LOST = "its runner died"
"""The reason given for a job that was running when its runner died."""


def needs_settling(files: BatchPaths) -> bool:
    """Return whether a batch was left by its runner without a word."""
    attempt = read_attempt(files.attempt)
    return attempt is not None and not attempt.ended and not is_alive(files.attempt, attempt)


def settle(batches: Iterable[BatchPaths]) -> None:
    """Give every running job of a dead runner its verdict, in the journals of `batches`."""
    for files in batches:
        if needs_settling(files):
            _settle_batch(files)


def _settle_batch(files: BatchPaths) -> None:
    attempt = take_batch(files.attempt)
    state = read_journal(files.journal)
    previous = state.attempt
    writer = JournalWriter(files.journal)
    now = time.time()
    writer.append(AttemptStarted(time=now, token=attempt.token, host=this_place(), pid=attempt.content.pid))
    for job in running_jobs(state):
        record = state.jobs[job]
        if previous is not None and previous.host == this_place():
            kill_left_behind(record.pid, record.started_ticks)
        event = JobFinished(
            time=now, job=job, outcome=Outcome.INTERRUPTED.name, reason=LOST, code=int(Outcome.INTERRUPTED)
        )
        writer.append(event)
    writer.append(AttemptEnded(time=now, token=attempt.token, reason="lost"))
    writer.close(sync=True)
    attempt.end()


def running_jobs(state: BatchState) -> list[str]:
    """Return the ids of the jobs that the journal has as running."""
    return [job for job, record in state.jobs.items() if record.phase is JobPhase.RUNNING]
