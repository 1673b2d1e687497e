"""The run time a batch asks its scheduler for."""

from pathlib import Path

from canary_wf.job.journal import read_journal
from canary_wf.session_paths import SessionPaths


def runtime_minutes(plan: str, batch: str, planned: int) -> int:
    """Return the minutes to ask for: the planned ones, doubled for each attempt that ended by its time limit.

    Nothing else makes a retry ask for more: what failed for another reason would only wait longer in the queue.
    """
    journal = SessionPaths.of_plan(Path(plan)).batch(batch).journal
    ended = read_journal(journal).ended_by_limit if journal.exists() else 0
    return int(planned * 2 ** min(ended, 6))
