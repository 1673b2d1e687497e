"""Fixtures of CTest when some of their tests run again: a clean-up has undone what the set-up made."""

from collections.abc import Collection, Sequence

from canary_wf.graph import downstream
from canary_wf.spec.job_spec import JobSpec

_Parts = dict[str, set[str]]


def with_fixtures(again: Collection[str], jobs: Sequence[JobSpec], done: Collection[str]) -> set[str]:
    """Return the job ids `again` and the set-ups and clean-ups that have to run again with them.

    These are the ones of the fixtures that a job of `again` requires, where a clean-up is among the ids `done`.
    """
    found = set(again)
    if not any(job.fixtures and job.id in found for job in jobs):
        return found
    set_ups, required = _set_ups(jobs)
    clean_ups = _clean_ups(jobs, set_ups, required)
    undone = {name for name, parts in clean_ups.items() if not parts.isdisjoint(done)}

    def to_repeat(job: str) -> set[str]:
        names = required.get(job, set()) & undone
        return set().union(*(set_ups[name] | clean_ups[name] for name in names))

    return found.union(downstream(found, to_repeat))


def _set_ups(jobs: Sequence[JobSpec]) -> tuple[_Parts, _Parts]:
    """Return the ids of the set-ups of each fixture, and the fixtures that each job requires."""
    by_id = {job.id: job for job in jobs if job.fixtures}
    set_ups: _Parts = {}
    required: _Parts = {}
    for job in by_id.values():
        for edge in job.dependencies:
            if job.is_order_only(edge) or edge.job not in by_id:
                continue
            for name in set(job.fixtures).intersection(by_id[edge.job].fixtures):
                set_ups.setdefault(name, set()).add(edge.job)
                required.setdefault(job.id, set()).add(name)
    return set_ups, required


def _clean_ups(jobs: Sequence[JobSpec], set_ups: _Parts, required: _Parts) -> _Parts:
    """Return the clean-ups of each fixture: what waits for its set-up, whatever became of it, and does not need it."""
    found: _Parts = {}
    for job in jobs:
        waits = {edge.job for edge in job.dependencies if job.is_order_only(edge)}
        for name in job.fixtures:
            parts = set_ups.get(name, set())
            if name not in required.get(job.id, ()) and job.id not in parts and waits & parts:
                found.setdefault(name, set()).add(job.id)
    return found
