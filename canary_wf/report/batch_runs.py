"""When and where a batch ran: its attempts, without those that only wrote its state."""

from collections.abc import Sequence

import msgspec

from canary_wf.state.journal import CARRIED, BatchState

_NO_RUNS = {CARRIED, "reset", "lost", "cancelled"}
"""How attempts end that ran nothing: verdicts were taken over or reset, or what a dead runner left was settled."""


class BatchRun(msgspec.Struct, frozen=True):
    """One run of a batch on `host`, from `started` to `ended` (epoch seconds; None while it goes on).

    `reason` says why it ended, None for a run that goes on or died. A run that died ended with its last event.
    """

    host: str
    started: float
    ended: float | None
    reason: str | None
    slurm_job_id: str | None = None


def runs_of(state: BatchState, *, alive: bool) -> tuple[BatchRun, ...]:
    """Return the runs in a batch's journal, oldest first; `alive` says whether its newest one goes on."""
    found = []
    for number, attempt in enumerate(state.attempts):
        reason = state.reasons.get(attempt.token)
        if reason in _NO_RUNS:
            continue
        going_on = alive and reason is None and number == len(state.attempts) - 1
        host = attempt.host.partition("/")[0]
        ended = None if going_on else state.ends[number]
        found.append(BatchRun(host, attempt.time, ended, reason, attempt.slurm_job_id))
    return tuple(found)


def run_at(runs: Sequence[BatchRun], time: float | None) -> BatchRun | None:
    """Return the run of `runs` (oldest first) that was going on at `time` (epoch seconds), None where none was."""
    begun = [run for run in runs if time is not None and run.started <= time]
    return begun[-1] if begun else None
