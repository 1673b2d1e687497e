"""The run time a batch asks its scheduler for."""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from canary_wf.errors import CanaryWfError
from canary_wf.recovery.slurm_end import Suspect, states_of, suspect_of
from canary_wf.resources.slurm.jobs import ended
from canary_wf.resources.slurm.text import own_ids
from canary_wf.state.journal import read_journal
from canary_wf.state.session_paths import SessionPaths

PATIENCE = 2.0
"""Seconds between two questions about a Slurm job whose end Slurm does not know yet."""


def runtime_minutes(plan: str, batch: str, planned: int, longest: int | None = None) -> int:
    """Return the minutes to ask for: the planned ones, doubled for each attempt that ended by its time limit.

    More than `longest` is never asked for, as no partition would ever run it. Nothing else makes a retry ask for more:
    what failed for another reason would only wait longer in the queue. A batch whose state cannot be read asks for what
    is planned: its runner says what is wrong, and the others run.
    """
    paths = SessionPaths.of_plan(Path(plan))
    try:
        reached = _limits_reached(paths, batch)
    except (CanaryWfError, OSError):
        reached = 0
    minutes: int = planned * 2 ** min(reached, 6)
    return minutes if longest is None else max(planned, min(minutes, longest))


def _limits_reached(paths: SessionPaths, batch: str) -> int:
    """Return how many attempts at `batch` ended by their time limit. Raises CanaryWfError or OSError."""
    journal = paths.batch(batch).journal
    if not journal.exists():
        return 0
    state = read_journal(journal)
    suspect = suspect_of(paths, batch, state, own_ids())
    # A runner that was killed at the limit could not write that down.
    silent = suspect is not None and _has_timed_out(paths, suspect)
    return state.ended_by_limit + silent


_ended_states: dict[str, str] = {}
_asked: dict[str, float] = {}


def _has_timed_out(paths: SessionPaths, suspect: Suspect) -> bool:
    """Return whether a Slurm job whose runner is gone ended by its time limit.

    Snakemake asks for the run time of every batch, several times. So Slurm is asked once for all, and how a job ended
    is remembered; one that is about to end has another state a little later.
    """
    name = suspect.slurm_job_id
    now = time.monotonic()
    if name not in _ended_states and now - _asked.get(name, -PATIENCE) >= PATIENCE:
        suspects = [suspect, *_others(paths)]
        _asked.update(dict.fromkeys((other.slurm_job_id for other in suspects), now))
        _ended_states.update((job, state) for job, state in states_of(suspects).items() if ended(state))
    return _ended_states.get(name) == "TIMEOUT"


def _others(paths: SessionPaths) -> Iterator[Suspect]:
    """Yield what else will be asked after: all suspects of the session, but inside of a batch, which is its own."""
    folder = paths.folder / "batches"
    if own_ids() or not folder.is_dir():
        return
    for batch in folder.iterdir():
        files = paths.batch(batch.name)
        with suppress(CanaryWfError, OSError):  # another batch's, which asks for itself
            if files.journal.exists() and not files.result.exists():
                suspect = suspect_of(paths, batch.name, read_journal(files.journal))
                if suspect is not None and suspect.slurm_job_id not in _ended_states:
                    yield suspect
