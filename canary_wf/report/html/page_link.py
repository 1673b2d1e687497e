"""Where a session's page is, and the link that opens a job on it."""

from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path

from canary_wf.report.session import SessionState
from canary_wf.state.session_paths import relative_to_out

_USUAL = 8
"""Digits of a job's id that commands print."""


def page_of(state: SessionState) -> Path | None:
    """Return the page that the rule `report` wrote of `state`, or None: there is none, or it is older than the run."""
    page = state.paths.report / "report.html"
    begun = max((run.started for runs in state.runs.values() for run in runs), default=0.0)
    try:
        return page if page.stat().st_mtime >= begun else None
    except OSError:
        return None


class PageLinks:
    """The links to the jobs of a session on its page; nothing where there is no page."""

    def __init__(self, state: SessionState) -> None:
        page = page_of(state)
        self.page = None if page is None else relative_to_out(page, state.paths.out)
        self._ids = sorted(job.id for job in state.plan.jobs) if page else []

    def of(self, job: str) -> str | None:
        """Return the link to the job with the id `job`: the page's path, relative to OUT, and a fragment."""
        return None if self.page is None else f"{self.page}#job-{short_id(job, self._ids)}"


def short_id(job: str, ids: Sequence[str]) -> str:
    """Return the beginning of the id `job`, at least 8 digits, that no other one of the sorted `ids` has."""
    place = bisect_left(ids, job)
    neighbours = [each for each in ids[max(0, place - 1) : place + 2] if each != job]
    length = _USUAL
    while length < len(job) and any(each.startswith(job[:length]) for each in neighbours):
        length += 1
    return job[:length]
