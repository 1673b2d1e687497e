"""The run time that a batch requests from its scheduler."""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from canary_wf.errors import CanaryWfError
from canary_wf.recovery.slurm_end import SlurmJobToCheck, slurm_job_to_check, states_of
from canary_wf.resources.slurm.command import own_ids
from canary_wf.resources.slurm.jobs import ended
from canary_wf.state.journal import read_journal
from canary_wf.state.session_paths import SessionPaths

PATIENCE = 2.0
"""Seconds between two queries about a Slurm job whose end Slurm does not know yet."""


def runtime_minutes(plan: str, batch: str, planned: int, longest: int | None = None) -> int:
    """Return the minutes to request: the planned ones, doubled for each attempt that ended by its time limit.

    The request never exceeds `longest`, because no partition would ever run it. Other failures do not increase it: the
    batch would only wait longer in the queue. A batch whose state cannot be read requests what is planned: its runner
    reports the error, and the others run.
    """
    paths = SessionPaths.of_plan(Path(plan))
    try:
        reached = _limits_reached(paths, batch)
    except (CanaryWfError, OSError):
        reached = 0
    minutes: int = planned * 2 ** min(reached, 6)
    return minutes if longest is None else max(planned, min(minutes, longest))


def _limits_reached(paths: SessionPaths, batch: str) -> int:
    """Return the number of attempts at `batch` that ended by their time limit. Raises CanaryWfError or OSError."""
    journal = paths.batch(batch).journal
    if not journal.exists():
        return 0
    state = read_journal(journal)
    slurm_job = slurm_job_to_check(paths, batch, state, own_ids())
    # A runner that was killed at the limit could not record that.
    silent = slurm_job is not None and _has_timed_out(paths, slurm_job)
    return state.ended_by_limit + silent


_ended_states: dict[str, str] = {}
_asked: dict[str, float] = {}


def _has_timed_out(paths: SessionPaths, slurm_job: SlurmJobToCheck) -> bool:
    """Return whether a Slurm job whose runner is gone ended by its time limit.

    Snakemake evaluates the run time of every batch several times. So Slurm is asked once for all of them, and end
    states are remembered; a job that is about to end is asked about again a little later.
    """
    name = slurm_job.slurm_job_id
    now = time.monotonic()
    if name not in _ended_states and now - _asked.get(name, -PATIENCE) >= PATIENCE:
        slurm_jobs = [slurm_job, *_others(paths)]
        _asked.update(dict.fromkeys((other.slurm_job_id for other in slurm_jobs), now))
        _ended_states.update((job, state) for job, state in states_of(slurm_jobs).items() if ended(state))
    return _ended_states.get(name) == "TIMEOUT"


def _others(paths: SessionPaths) -> Iterator[SlurmJobToCheck]:
    """Yield the session's other jobs that will be asked about; none inside a batch, which only asks for itself."""
    if own_ids():
        return
    for batch in paths.batches():
        files = paths.batch(batch)
        with suppress(CanaryWfError, OSError):  # an error of another batch, which reports it itself
            if files.journal.exists() and not files.result.exists():
                slurm_job = slurm_job_to_check(paths, batch, read_journal(files.journal))
                if slurm_job is not None and slurm_job.slurm_job_id not in _ended_states:
                    yield slurm_job
