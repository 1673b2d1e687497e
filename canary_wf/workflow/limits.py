"""The run time a batch asks its scheduler for."""

from pathlib import Path

from canary_wf.hooks.slurm_end import suspect_of
from canary_wf.job.journal import read_journal
from canary_wf.resources.slurm_jobs import ask_states, ended, own_ids
from canary_wf.session_paths import SessionPaths


def runtime_minutes(plan: str, batch: str, planned: int, longest: int | None = None) -> int:
    """Return the minutes to ask for: the planned ones, doubled for each attempt that ended by its time limit.

    More than `longest` is never asked for, as no partition would ever run it. Nothing else makes a retry ask for more:
    what failed for another reason would only wait longer in the queue.
    """
    paths = SessionPaths.of_plan(Path(plan))
    journal = paths.batch(batch).journal
    if not journal.exists():
        return planned
    state = read_journal(journal)
    suspect = suspect_of(paths, batch, state, own_ids())
    # A runner that was killed at the limit could not write that down.
    silent = suspect is not None and _has_timed_out(suspect.slurm_job_id)
    minutes: int = planned * 2 ** min(state.ended_by_limit + silent, 6)
    return minutes if longest is None else max(planned, min(minutes, longest))


_ended_states: dict[str, str] = {}


def _has_timed_out(slurm_job_id: str) -> bool:
    """Return whether a Slurm job whose runner is gone ended by its time limit.

    Snakemake asks for a batch's run time several times. Only how a job ended is remembered: one that is about to end
    has another state the next time.
    """
    if slurm_job_id not in _ended_states:
        state = ask_states([slurm_job_id]).get(slurm_job_id, "")
        if not ended(state):
            return False
        _ended_states[slurm_job_id] = state
    return _ended_states[slurm_job_id] == "TIMEOUT"
