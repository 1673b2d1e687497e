"""Reconciling state with reality: jobs whose runner died get a verdict, so that none seems to run for ever.

This is done by whoever claims the batch next: its next runner, the report, or the workflow's error handler. Commands
that only read show what reconciling would write.
"""

import time
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from canary_wf.errors import CanaryWfError, WorkspaceError, as_error
from canary_wf.process.orphans import end_left_behind
from canary_wf.process.process_identity import this_place
from canary_wf.recovery.closing_verdicts import LOST, interrupt, running_jobs
from canary_wf.recovery.slurm_end import Suspect, end_previous, record_end, record_previous, states_of, suspect_of
from canary_wf.recovery.withdrawal import was_withdrawn
from canary_wf.resources.slurm.jobs import ended, lives
from canary_wf.resources.slurm.text import own_ids
from canary_wf.state.attempt import AttemptFile, SupersededError, claim_batch, is_alive, living, read_attempt
from canary_wf.state.events import AttemptEnded, AttemptStarted
from canary_wf.state.journal import read_journal
from canary_wf.state.recorder import Recorder
from canary_wf.state.recording import reopen_recorder
from canary_wf.state.session_paths import BatchPaths, SessionPaths


class _Case(msgspec.Struct, frozen=True):
    """A batch without a result: its newest attempt when it was read, and the Slurm job to ask about."""

    batch: str
    attempt: AttemptFile | None
    suspect: Suspect | None


def settle(paths: SessionPaths, batches: Iterable[str], *, anywhere: bool = False) -> list[CanaryWfError]:
    """Record a verdict for every job of a dead runner, in the journals and state files of `batches`; return errors.

    For batches that were Slurm jobs, Slurm is asked once for the states of all of them. A Slurm job that lives although
    its runner is silent (it is suspended or requeued, say) is left alone. The jobs' folders lie below the session, or
    `anywhere`. A batch that cannot be reconciled does not stop the others: it adds an error.
    """
    errors: list[CanaryWfError] = []
    cases = list(_cases(paths, batches, errors))
    states = states_of(case.suspect for case in cases)
    told = {case.batch: states.get(case.suspect.slurm_job_id, "") for case in cases if case.suspect is not None}
    unknown = [case for case in cases if not ended(told.get(case.batch, ""))]
    alive = living((paths.batch(case.batch).attempt, case.attempt) for case in unknown)
    for case in cases:
        state = told.get(case.batch, "")
        if lives(state) or paths.batch(case.batch).attempt in alive:
            continue
        try:
            if needs_settling(paths.batch(case.batch), case.attempt) or _tells_more(paths, case, state):
                _settle_batch(paths, case, states, anywhere=anywhere)
        except SupersededError:
            continue  # a runner claimed the batch meanwhile and knows better
        except (CanaryWfError, OSError) as error:
            errors.append(as_error(error, case.batch))
    return errors


def _cases(paths: SessionPaths, batches: Iterable[str], errors: list[CanaryWfError]) -> Iterator[_Case]:
    for batch in batches:
        files = paths.batch(batch)
        try:
            attempt = read_attempt(files.attempt)
            if not files.result.exists() and (attempt is not None or files.submission.exists()):
                yield _Case(batch, attempt, suspect_of(paths, batch, read_journal(files.journal)))
        except (CanaryWfError, OSError) as error:
            errors.append(as_error(error, batch))


def needs_settling(files: BatchPaths, attempt: AttemptFile | None) -> bool:
    """Return whether the runner of the newest `attempt` left the batch without recording an end."""
    return attempt is not None and not attempt.ended and not is_alive(files.attempt, attempt)


def _tells_more(paths: SessionPaths, case: _Case, state: str) -> bool:
    """Return whether Slurm knows of an end that is not recorded in the batch's state yet."""
    if case.suspect is None or not ended(state):
        return False
    if case.attempt is None or case.attempt.ended:
        # For a job that never started there is something to record only if a person cancelled it.
        began = case.attempt is not None and _began_as(paths, case.batch, case.suspect)
        return began or (state == "CANCELLED" and not was_withdrawn(paths, case.suspect.since))
        # The runner's heartbeat is fresh: it is an orphan, or the heartbeat is no older than Slurm's answer.
    return _began_as(paths, case.batch, case.suspect)


def _began_as(paths: SessionPaths, batch: str, suspect: Suspect) -> bool:
    attempt = read_journal(paths.batch(batch).journal).attempt
    return attempt is not None and attempt.slurm_job_id == suspect.slurm_job_id


def _settle_batch(paths: SessionPaths, case: _Case, states: Mapping[str, str], *, anywhere: bool) -> None:
    attempt = claim_batch(paths.batch(case.batch).attempt, to_run=False, only_from=case.attempt)
    recorder = reopen_recorder(paths, case.batch, attempt.require_current, anywhere=anywhere)
    recorder(AttemptStarted(time=time.time(), token=attempt.token, host=this_place(), pid=attempt.content.pid))
    clear_up(recorder)
    reason = record_end(recorder, paths, case.suspect, states, LOST)
    recorder(AttemptEnded(time=time.time(), token=attempt.token, reason=reason))
    recorder.close()
    attempt.end()


def take_over(recorder: Recorder) -> None:
    """Close what the runners before the newest attempt left open: processes, verdicts, state files.

    Raises WorkspaceError for a process that does not end.
    """
    clear_up(recorder)
    interrupt(recorder, LOST)


def clear_up(recorder: Recorder) -> None:
    """Kill leftover processes and restore state files, without recording verdicts.

    To be called after the attempt has started, so that nothing that earlier runners write counts any more. Raises
    WorkspaceError for a process that does not end.
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
                f"process {left[0]} of an earlier run does not end", hint="find out what keeps it, and end it"
            )


def follow(recorder: Recorder, paths: SessionPaths, batch: str, event: AttemptStarted) -> None:
    """Record the start (`event`) of an attempt at `batch`, and the end of the attempts before it.

    Raises WorkspaceError for a process of theirs that does not end.
    """
    before = recorder.state
    died = before.is_open or bool(running_jobs(before))
    suspect = suspect_of(paths, batch, before, own_ids())
    states = states_of([suspect])
    end_previous(recorder, suspect, states)
    recorder(event)
    if died:
        take_over(recorder)
    record_previous(recorder, paths, suspect, states)
