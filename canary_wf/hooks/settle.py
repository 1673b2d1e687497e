"""Settling what the dead left behind: jobs whose runner died get their verdict, so that none runs for ever.

Done by whoever takes the batch next: its next runner, the report, or the workflow's error handler. Reading commands
only show what settling would say.
"""

import time
from collections.abc import Iterable

from canary_wf.errors import WorkspaceError
from canary_wf.hooks.recorder import Recorder
from canary_wf.hooks.recording import reopen_recorder
from canary_wf.hooks.slurm_end import Suspect, record_end, suspect_of
from canary_wf.hooks.withdrawal import was_withdrawn
from canary_wf.job.attempt import is_alive, read_attempt, take_batch
from canary_wf.job.events import AttemptEnded, AttemptStarted, JobFinished
from canary_wf.job.journal import BatchState, read_journal
from canary_wf.job.left_behind import end_left_behind
from canary_wf.job.phase import JobPhase
from canary_wf.job.processes import this_place
from canary_wf.job.status import Outcome
from canary_wf.resources.slurm_jobs import ask_states, ended
from canary_wf.session_paths import BatchPaths, SessionPaths

LOST = "its runner died"
"""The reason given for a job that was running when its runner died, and nobody knows why."""


def needs_settling(files: BatchPaths) -> bool:
    """Return whether a batch was left by its runner without a word."""
    attempt = read_attempt(files.attempt)
    return attempt is not None and not attempt.ended and not is_alive(files.attempt, attempt)


def settle(paths: SessionPaths, batches: Iterable[str]) -> None:
    """Give every job of a dead runner its verdict, in the journals and state files of `batches`.

    Where they were Slurm jobs, Slurm is asked once for all of them what became of them.
    """
    suspects = {}
    left = set()
    for batch in batches:
        files = paths.batch(batch)
        if needs_settling(files):
            left.add(batch)
        if not files.result.exists() and (files.submission.exists() or read_attempt(files.attempt) is not None):
            suspects[batch] = suspect_of(paths, batch, read_journal(files.journal))
    states = ask_states(suspect.slurm_job_id for suspect in suspects.values() if suspect is not None)
    for batch, suspect in suspects.items():
        if batch in left or _tells_more(paths, batch, suspect, states):
            _settle_batch(paths, batch, suspect, states)


def _tells_more(paths: SessionPaths, batch: str, suspect: Suspect | None, states: dict[str, str]) -> bool:
    """Return whether Slurm knows of an end that the batch's state does not tell of yet."""
    state = "" if suspect is None else states.get(suspect.slurm_job_id, "")
    if suspect is None or not ended(state):
        return False
    attempt = read_attempt(paths.batch(batch).attempt)
    if attempt is None or attempt.ended:
        # Of a job that never began there is something to say only when somebody did not want it.
        began = attempt is not None and _began_as(paths, batch, suspect)
        return began or (state == "CANCELLED" and not was_withdrawn(paths, suspect.since))
    # Its runner still gives signs of life: an orphan, or the last sign is no older than Slurm's answer.
    return _began_as(paths, batch, suspect)


def _began_as(paths: SessionPaths, batch: str, suspect: Suspect) -> bool:
    attempt = read_journal(paths.batch(batch).journal).attempt
    return attempt is not None and attempt.slurm_job_id == suspect.slurm_job_id


def _settle_batch(paths: SessionPaths, batch: str, suspect: Suspect | None, states: dict[str, str]) -> None:
    attempt = take_batch(paths.batch(batch).attempt, to_run=False)
    recorder = reopen_recorder(paths, batch, attempt.hold)
    recorder(AttemptStarted(time=time.time(), token=attempt.token, host=this_place(), pid=attempt.content.pid))
    clear_up(recorder)
    reason = record_end(recorder, paths, suspect, states, LOST)
    recorder(AttemptEnded(time=time.time(), token=attempt.token, reason=reason))
    recorder.close()
    attempt.end()


def take_over(recorder: Recorder) -> None:
    """Put in order what the runners before the newest attempt left: processes, verdicts, state files.

    Raises WorkspaceError for a process that cannot be ended.
    """
    clear_up(recorder)
    interrupt(recorder, LOST)


def clear_up(recorder: Recorder) -> None:
    """Do so but for the verdicts.

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


def interrupt(recorder: Recorder, reason: str) -> None:
    """Give every job that the journal has as running the verdict INTERRUPTED."""
    for job in running_jobs(recorder.state):
        code = int(Outcome.INTERRUPTED)
        recorder(JobFinished(time=time.time(), job=job, outcome=Outcome.INTERRUPTED.name, reason=reason, code=code))


def running_jobs(state: BatchState) -> list[str]:
    """Return the ids of the jobs that the journal has as running."""
    return [job for job, record in state.jobs.items() if record.phase is JobPhase.RUNNING]
