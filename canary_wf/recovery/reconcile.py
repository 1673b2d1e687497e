"""Reconciling state with reality: jobs whose runner died get a verdict, so that none seems to run for ever.

Whoever claims the batch next does this: its next runner, the report, or the handlers of the workflow. Commands
that only read show what reconciling would write.
"""

import time
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from canary_wf.errors import CanaryWfError, WorkspaceError, as_error
from canary_wf.process.orphans import end_left_behind
from canary_wf.process.process_identity import host_id
from canary_wf.recovery.closing_verdicts import LOST, interrupt, running_jobs
from canary_wf.recovery.slurm_end import (
    SlurmJobToCheck,
    end_previous,
    record_end,
    record_previous,
    slurm_job_to_check,
    states_of,
)
from canary_wf.recovery.user_stop import was_stopped_by_user
from canary_wf.resources.slurm.command import own_ids
from canary_wf.resources.slurm.jobs import ended, lives
from canary_wf.state.attempt import AttemptFile, SupersededError, claim_batch, is_alive, living, read_attempt
from canary_wf.state.events import AttemptEnded, AttemptStarted
from canary_wf.state.journal import read_journal
from canary_wf.state.recorder import Recorder
from canary_wf.state.recording import reopen_recorder
from canary_wf.state.session_paths import BatchPaths, SessionPaths


class _UnfinishedBatch(msgspec.Struct, frozen=True):
    """A batch without a result: its newest attempt when it was read, and the Slurm job to ask about."""

    id: str
    attempt: AttemptFile | None
    slurm_job: SlurmJobToCheck | None


def reconcile_batches(paths: SessionPaths, batches: Iterable[str], *, anywhere: bool = False) -> list[CanaryWfError]:
    """Record a verdict for every job of a dead runner, in the journals and state files of `batches`; return errors.

    For batches that were Slurm jobs, Slurm is asked once for the states of all of them. A Slurm job that lives although
    its runner is silent (it is suspended or requeued, say) is left alone. The jobs' folders lie below the session, or
    `anywhere`. A batch that cannot be reconciled does not stop the others: it adds an error.
    """
    errors: list[CanaryWfError] = []
    unfinished = list(_unfinished_batches(paths, batches, errors))
    states = states_of(batch.slurm_job for batch in unfinished)
    answers = {
        batch.id: states.get(batch.slurm_job.slurm_job_id, "") for batch in unfinished if batch.slurm_job is not None
    }
    unknown = [batch for batch in unfinished if not ended(answers.get(batch.id, ""))]
    alive = living((paths.batch(batch.id).attempt, batch.attempt) for batch in unknown)
    for batch in unfinished:
        state = answers.get(batch.id, "")
        if lives(state) or paths.batch(batch.id).attempt in alive:
            continue
        try:
            if was_abandoned(paths.batch(batch.id), batch.attempt) or _slurm_knows_more(paths, batch, state):
                _reconcile_batch(paths, batch, states, anywhere=anywhere)
        except SupersededError:
            continue  # a runner claimed the batch meanwhile and knows better
        except (CanaryWfError, OSError) as error:
            errors.append(as_error(error, batch.id))
    return errors


def _unfinished_batches(
    paths: SessionPaths, batches: Iterable[str], errors: list[CanaryWfError]
) -> Iterator[_UnfinishedBatch]:
    for batch in batches:
        files = paths.batch(batch)
        try:
            attempt = read_attempt(files.attempt)
            if not files.result.exists() and (attempt is not None or files.submission.exists()):
                yield _UnfinishedBatch(batch, attempt, slurm_job_to_check(paths, batch, read_journal(files.journal)))
        except (CanaryWfError, OSError) as error:
            errors.append(as_error(error, batch))


def was_abandoned(files: BatchPaths, attempt: AttemptFile | None) -> bool:
    """Return whether the runner of the newest `attempt` left the batch without recording an end."""
    return attempt is not None and not attempt.ended and not is_alive(files.attempt, attempt)


def _slurm_knows_more(paths: SessionPaths, batch: _UnfinishedBatch, state: str) -> bool:
    """Return whether Slurm knows of an end that is not recorded in the batch's state yet."""
    if batch.slurm_job is None or not ended(state):
        return False
    if batch.attempt is None or batch.attempt.ended:
        # For a job that never started there is something to record only if a person cancelled it.
        began = batch.attempt is not None and _ran_as(paths, batch.id, batch.slurm_job)
        return began or (state == "CANCELLED" and not was_stopped_by_user(paths, batch.slurm_job.since))
        # The runner's heartbeat is fresh: it is an orphan, or the heartbeat is no older than Slurm's answer.
    return _ran_as(paths, batch.id, batch.slurm_job)


def _ran_as(paths: SessionPaths, batch: str, slurm_job: SlurmJobToCheck) -> bool:
    attempt = read_journal(paths.batch(batch).journal).attempt
    return attempt is not None and attempt.slurm_job_id == slurm_job.slurm_job_id


def _reconcile_batch(
    paths: SessionPaths, batch: _UnfinishedBatch, states: Mapping[str, str], *, anywhere: bool
) -> None:
    attempt = claim_batch(paths.batch(batch.id).attempt, to_run=False, only_from=batch.attempt)
    recorder = reopen_recorder(paths, batch.id, attempt.require_current, anywhere=anywhere)
    recorder(AttemptStarted(time=time.time(), token=attempt.token, host=host_id(), pid=attempt.content.pid))
    clean_up(recorder)
    reason = record_end(recorder, paths, batch.slurm_job, states, LOST)
    recorder(AttemptEnded(time=time.time(), token=attempt.token, reason=reason))
    recorder.close()
    attempt.end()


def close_predecessors(recorder: Recorder) -> None:
    """Close what the runners before the newest attempt left open: processes, verdicts, state files.

    Raises WorkspaceError for a process that does not end.
    """
    clean_up(recorder)
    interrupt(recorder, LOST)


def clean_up(recorder: Recorder) -> None:
    """Kill leftover processes and restore state files, without recording verdicts.

    To be called after the attempt has started, so that nothing that earlier runners write counts any more. Raises
    WorkspaceError for a process that does not end.
    """
    recorder.recover()
    state = recorder.state
    here = [attempt.token for attempt in state.attempts[:-1] if attempt.host == host_id()]
    if here:
        last_here = state.attempts[-2].token == here[-1]
        groups = [(state.jobs[job].pid, state.jobs[job].started_ticks) for job in running_jobs(state) if last_here]
        left = end_left_behind(groups, here)
        if left:
            raise WorkspaceError(
                f"process {left[0]} of an earlier run does not end", hint="find out what keeps it, and end it"
            )


def begin_attempt(recorder: Recorder, paths: SessionPaths, batch: str, event: AttemptStarted) -> None:
    """Record the start (`event`) of an attempt at `batch`, and the end of the attempts before it.

    Raises WorkspaceError for a process of theirs that does not end.
    """
    before = recorder.state
    died = before.is_open or bool(running_jobs(before))
    slurm_job = slurm_job_to_check(paths, batch, before, own_ids())
    states = states_of([slurm_job])
    end_previous(recorder, slurm_job, states)
    recorder(event)
    if died:
        close_predecessors(recorder)
    record_previous(recorder, paths, slurm_job, states)
