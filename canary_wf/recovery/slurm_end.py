"""The end of a batch's Slurm job that died silently or by a signal: asked of Slurm, and turned into verdicts.

What a person cancelled is CANCELLED, whether running or not started, and does not run again. Any other end from outside
is the machine's: running jobs are INTERRUPTED, with Slurm's reason, and jobs that had not started stay as they are.
"""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from canary_wf.recovery.closing_verdicts import LOST, give_verdict, interrupt
from canary_wf.recovery.reset import with_blocked
from canary_wf.recovery.user_stop import was_stopped_by_user
from canary_wf.resources.slurm.jobs import ask_states, describe_end, ended
from canary_wf.state.events import AttemptEnded, AttemptStarted
from canary_wf.state.journal import BatchState
from canary_wf.state.recorder import Recorder
from canary_wf.state.session_paths import SessionPaths
from canary_wf.state.submission import SubmissionRecord, read_submissions
from canary_wf.verdict.failure_class import BATCH_KILLED, OOM_KILL
from canary_wf.verdict.status import JobPhase, Outcome

_OUT_OF_MEMORY = "OUT_OF_MEMORY"
_ENDED_BY_SIGNAL = ("signal", "time_limit")
"""End reasons of a runner that a signal ended: late in its time it assumes the time limit, but Slurm knows better."""


class SlurmJobToCheck(msgspec.Struct, frozen=True):
    """A Slurm job of a batch that may have ended badly: its id, and when its attempt (or its submission) began.

    `state` is its end state, if the submitter noted one.
    """

    slurm_job_id: str
    since: float
    state: str | None = None


def slurm_job_to_check(
    paths: SessionPaths, batch: str, state: BatchState, own: Collection[str] = ()
) -> SlurmJobToCheck | None:
    """Return the Slurm job to ask about, or None when its end is known. `own` are ids of a job that runs now.

    It is the Slurm job whose runner recorded no end or was stopped, or a later one whose runner never started.
    """
    attempt = state.attempt
    began = 0.0 if attempt is None else attempt.time
    noted = None
    for submission in reversed(read_submissions(paths.batch(batch).submission)):
        if submission.time <= began:
            noted = submission if _is_of(submission, attempt) else None
            break
        if submission.slurm_job_id is not None and submission.slurm_job_id not in own:
            return SlurmJobToCheck(submission.slurm_job_id, submission.time, submission.state)
    if attempt is None or attempt.slurm_job_id is None or attempt.slurm_job_id in own:
        return None
    open_ = state.is_open or (state.last_end is not None and state.last_end.reason in _ENDED_BY_SIGNAL)
    return SlurmJobToCheck(attempt.slurm_job_id, attempt.time, noted.state if noted else None) if open_ else None


def _is_of(submission: SubmissionRecord, attempt: AttemptStarted | None) -> bool:
    """Return whether the newest submission before `attempt` became that attempt; a task of an array has two ids."""
    if attempt is None or submission.slurm_job_id is None or (submission.ended or attempt.time) < attempt.time:
        return False
    return submission.slurm_job_id == attempt.slurm_job_id or "_" in submission.slurm_job_id


def states_of(slurm_jobs: Iterable[SlurmJobToCheck | None]) -> dict[str, str]:
    """Return the states of the Slurm jobs by id: the noted ones, and for the others Slurm's answer to one question."""
    known = [slurm_job for slurm_job in slurm_jobs if slurm_job is not None]
    noted = {slurm_job.slurm_job_id: slurm_job.state for slurm_job in known if slurm_job.state is not None}
    return ask_states(slurm_job.slurm_job_id for slurm_job in known if slurm_job.state is None) | noted


def record_end(
    recorder: Recorder, paths: SessionPaths, slurm_job: SlurmJobToCheck | None, states: Mapping[str, str], lost: str
) -> str:
    """Record verdicts for jobs that no longer have a runner; return the reason with which their attempt ended.

    `states` are Slurm's answers; `lost` is the reason for jobs about which Slurm knows nothing.
    """
    state = None if slurm_job is None else states.get(slurm_job.slurm_job_id)
    if slurm_job is None or state is None or not ended(state):
        interrupt(recorder, lost)
        return "lost"
    reason = describe_end(slurm_job.slurm_job_id, state)
    if state == "CANCELLED" and not was_stopped_by_user(paths, slurm_job.since):
        give_verdict(recorder, _open(recorder), Outcome.CANCELLED, reason)
        return "cancelled"
    cut_short = [
        job
        for job, record in recorder.state.jobs.items()
        if record.phase is JobPhase.RUNNING
        or (record.status.outcome is Outcome.INTERRUPTED and (record.finished or 0.0) >= slurm_job.since)
    ]
    killed = _killed(recorder, state, cut_short)
    _record_killed(recorder, killed, reason)
    give_verdict(recorder, [job for job in cut_short if job not in killed], Outcome.INTERRUPTED, reason)
    return "time_limit" if state == "TIMEOUT" else "lost"


def _killed(recorder: Recorder, state: str, cut_short: Sequence[str]) -> list[str]:
    """Return the jobs that were killed with the whole Slurm job because memory ran out, or for an unknown cause.

    When Slurm ends a job for its memory by itself (`OverMemoryKill`), it reports FAILED instead of OUT_OF_MEMORY. The
    sign of such an end is that the runner had no time to record anything.
    """
    if state == _OUT_OF_MEMORY:
        return list(cut_short)
    records = {job: recorder.state.record(job) for job in cut_short if state == "FAILED"}
    return [job for job, one in records.items() if one.phase is JobPhase.RUNNING or one.status.reason == LOST]


def _record_killed(recorder: Recorder, killed: Sequence[str], reason: str) -> None:
    """Record the jobs that were killed with the whole Slurm job: each of them runs again, alone.

    A job that ran alone and to which it has happened before is to blame.
    """
    for job in killed:
        if len(killed) == 1 and recorder.state.record(job).batch_kills:
            memory = recorder.jobs[job].memory if job in recorder.jobs else None
            asked = "it asks for no memory" if memory is None else f"it asks for {memory} MiB"
            message = f"out of memory: {reason} while only this job ran; {asked}"
            give_verdict(recorder, [job], Outcome.FAILED, message, {OOM_KILL: 1})
        else:
            give_verdict(recorder, [job], Outcome.INTERRUPTED, reason, {BATCH_KILLED: 1})


def end_previous(recorder: Recorder, slurm_job: SlurmJobToCheck | None, states: Mapping[str, str]) -> None:
    """Record, before a new attempt begins, that the one before it reached its time limit, if Slurm says so."""
    before = recorder.state.attempt
    if slurm_job is None or before is None or before.slurm_job_id != slurm_job.slurm_job_id:
        return
    if states.get(slurm_job.slurm_job_id) == "TIMEOUT":
        recorder(AttemptEnded(time=time.time(), token=before.token, reason="time_limit"))


def record_previous(
    recorder: Recorder, paths: SessionPaths, slurm_job: SlurmJobToCheck | None, states: Mapping[str, str]
) -> None:
    """Record, for a runner that begins, the end of the Slurm job before it, if Slurm knows the end."""
    if slurm_job is not None and ended(states.get(slurm_job.slurm_job_id, "")):
        record_end(recorder, paths, slurm_job, states, lost="")


def _open(recorder: Recorder) -> list[str]:
    """Return the jobs that would run again: those without a final verdict, and those blocked behind them."""
    statuses = {job: recorder.state.record(job).status for job in recorder.jobs}
    unfinished = [job for job, status in statuses.items() if not status.is_final]
    blocked = [recorder.jobs[job] for job, status in statuses.items() if status.outcome is Outcome.BLOCKED]
    found = with_blocked(unfinished, blocked)
    return [job for job in recorder.jobs if job in found]
