"""Settling what the dead left behind: jobs whose runner died get the verdict INTERRUPTED, so that none runs for ever.

Done by whoever takes the batch next: its next runner, the report, or the workflow's error handler. Reading commands
only show what settling would say.
"""

import time
from collections.abc import Iterable

from canary_wf.hooks.recording import reopen_recorder
from canary_wf.job.attempt import is_alive, read_attempt, take_batch
from canary_wf.job.events import AttemptEnded, AttemptStarted, JobFinished
from canary_wf.job.journal import BatchState
from canary_wf.job.marked import kill_marked
from canary_wf.job.phase import JobPhase
from canary_wf.job.processes import kill_left_behind, this_place
from canary_wf.job.status import Outcome
from canary_wf.session_paths import BatchPaths, SessionPaths

LOST = "its runner died"
"""The reason given for a job that was running when its runner died."""


def needs_settling(files: BatchPaths) -> bool:
    """Return whether a batch was left by its runner without a word."""
    attempt = read_attempt(files.attempt)
    return attempt is not None and not attempt.ended and not is_alive(files.attempt, attempt)


def settle(paths: SessionPaths, batches: Iterable[str]) -> None:
    """Give every running job of a dead runner its verdict, in the journals and state files of `batches`."""
    for batch in batches:
        if needs_settling(paths.batch(batch)):
            _settle_batch(paths, batch)


def _settle_batch(paths: SessionPaths, batch: str) -> None:
    attempt = take_batch(paths.batch(batch).attempt)
    recorder = reopen_recorder(paths, batch)
    previous = recorder.state.attempt
    now = time.time()
    here = previous is not None and previous.host == this_place()
    if previous is not None and here:
        kill_marked(previous.token)
    recorder(AttemptStarted(time=now, token=attempt.token, host=this_place(), pid=attempt.content.pid))
    for job in running_jobs(recorder.state):
        record = recorder.state.jobs[job]
        if here:
            kill_left_behind(record.pid, record.started_ticks)
        code = int(Outcome.INTERRUPTED)
        recorder(JobFinished(time=now, job=job, outcome=Outcome.INTERRUPTED.name, reason=LOST, code=code))
    recorder(AttemptEnded(time=now, token=attempt.token, reason="lost"))
    recorder.close()
    attempt.end()


def running_jobs(state: BatchState) -> list[str]:
    """Return the ids of the jobs that the journal has as running."""
    return [job for job, record in state.jobs.items() if record.phase is JobPhase.RUNNING]
