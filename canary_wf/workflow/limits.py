"""The run time a batch asks its scheduler for."""

from functools import lru_cache
from pathlib import Path

from canary_wf.hooks.slurm_end import suspect_of
from canary_wf.job.journal import read_journal
from canary_wf.resources.slurm_jobs import ask_states, own_ids
from canary_wf.session_paths import SessionPaths


def runtime_minutes(plan: str, batch: str, planned: int) -> int:
    """Return the minutes to ask for: the planned ones, doubled for each attempt that ended by its time limit.

    Nothing else makes a retry ask for more: what failed for another reason would only wait longer in the queue.
    """
    paths = SessionPaths.of_plan(Path(plan))
    journal = paths.batch(batch).journal
    if not journal.exists():
        return planned
    state = read_journal(journal)
    suspect = suspect_of(paths, batch, state, own_ids())
    # A runner that was killed at the limit could not write that down.
    silent = suspect is not None and _state_of(suspect.slurm_job_id) == "TIMEOUT"
    return int(planned * 2 ** min(state.ended_by_limit + silent, 6))


@lru_cache(maxsize=1024)
def _state_of(slurm_job_id: str) -> str | None:
    """Return the state of a Slurm job whose runner is gone; Snakemake asks for a batch's run time several times."""
    return ask_states([slurm_job_id]).get(slurm_job_id)
