"""CTest fixtures that must run again with some of their tests, because a clean-up has undone the set-up."""

from collections.abc import Collection, Sequence

from canary_wf.graph import downstream
from canary_wf.spec.job_spec import JobSpec

_JobsByFixture = dict[str, set[str]]


def with_fixtures(rerun: Collection[str], jobs: Sequence[JobSpec], done: Collection[str]) -> set[str]:
    """Return the job ids `rerun`, with the set-ups and clean-ups that have to run again with them.

    These are the set-ups and clean-ups of fixtures that a job of `rerun` requires and whose clean-up is in `done`.
    """
    found = set(rerun)
    if not any(job.fixtures and job.id in found for job in jobs):
        return found
    set_ups, required = _set_ups(jobs)
    clean_ups = _clean_ups(jobs, set_ups, required)
    undone = {name for name, ids in clean_ups.items() if not ids.isdisjoint(done)}

    def to_repeat(job: str) -> set[str]:
        names = required.get(job, set()) & undone
        return set().union(*(set_ups[name] | clean_ups[name] for name in names))

    return found.union(downstream(found, to_repeat))


def _set_ups(jobs: Sequence[JobSpec]) -> tuple[_JobsByFixture, _JobsByFixture]:
    """Return the ids of the set-ups of each fixture, and the fixtures that each job requires."""
    by_id = {job.id: job for job in jobs if job.fixtures}
    set_ups: _JobsByFixture = {}
    required: _JobsByFixture = {}
    for job in by_id.values():
        for edge in job.dependencies:
            if job.is_order_only(edge) or edge.job not in by_id:
                continue
            for name in set(job.fixtures).intersection(by_id[edge.job].fixtures):
                set_ups.setdefault(name, set()).add(edge.job)
                required.setdefault(job.id, set()).add(name)
    return set_ups, required


def _clean_ups(jobs: Sequence[JobSpec], set_ups: _JobsByFixture, required: _JobsByFixture) -> _JobsByFixture:
    """Return the clean-ups of each fixture: the jobs that wait for its set-up whatever its verdict."""
    found: _JobsByFixture = {}
    for job in jobs:
        waits = {edge.job for edge in job.dependencies if job.is_order_only(edge)}
        for name in job.fixtures:
            ids = set_ups.get(name, set())
            if name not in required.get(job.id, ()) and job.id not in ids and waits & ids:
                found.setdefault(name, set()).add(job.id)
    return found
