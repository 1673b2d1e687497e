"""Settling what the dead left behind: jobs whose runner died get the verdict INTERRUPTED, so that none runs for ever.

Done by whoever takes the batch next: its next runner, the report, or the workflow's error handler. Reading commands
only show what settling would say.
"""

import time
from collections.abc import Iterable

from canary_wf.errors import WorkspaceError
from canary_wf.hooks.recorder import Recorder
from canary_wf.hooks.recording import reopen_recorder
from canary_wf.job.attempt import is_alive, read_attempt, take_batch
from canary_wf.job.events import AttemptEnded, AttemptStarted, JobFinished
from canary_wf.job.journal import BatchState
from canary_wf.job.left_behind import end_left_behind
from canary_wf.job.phase import JobPhase
from canary_wf.job.processes import this_place
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
    attempt = take_batch(paths.batch(batch).attempt, to_run=False)
    recorder = reopen_recorder(paths, batch, attempt.hold)
    recorder(AttemptStarted(time=time.time(), token=attempt.token, host=this_place(), pid=attempt.content.pid))
    take_over(recorder)
    recorder(AttemptEnded(time=time.time(), token=attempt.token, reason="lost"))
    recorder.close()
    attempt.end()


def take_over(recorder: Recorder) -> None:
    """Put in order what the runners before the newest attempt left: processes, verdicts, state files.

    Called once the attempt has begun, so that nothing they write counts any more. Raises WorkspaceError for a process
    that cannot be ended.
    """
    recorder.recover()
    state = recorder.state
    here = [attempt.token for attempt in state.attempts[:-1] if attempt.host == this_place()]
    if here:
        last_here = state.attempts[-2].token == here[-1]
        groups = [(state.jobs[job].pid, state.jobs[job].started_ticks) for job in running_jobs(state) if last_here]
        left = end_left_behind(groups, here)
        if left:
            raise WorkspaceError(
                f"process {left[0]} of an earlier run does not end", hint="see what keeps it, and end it"
            )
    interrupt(recorder, LOST)


def interrupt(recorder: Recorder, reason: str) -> None:
    """Give every job that the journal has as running the verdict INTERRUPTED."""
    for job in running_jobs(recorder.state):
        code = int(Outcome.INTERRUPTED)
        recorder(JobFinished(time=time.time(), job=job, outcome=Outcome.INTERRUPTED.name, reason=reason, code=code))


def running_jobs(state: BatchState) -> list[str]:
    """Return the ids of the jobs that the journal has as running."""
    return [job for job, record in state.jobs.items() if record.phase is JobPhase.RUNNING]
