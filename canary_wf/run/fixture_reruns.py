"""Which set-ups of fixtures run again: what they left running has ended, and tests that need it are still to run."""

from collections.abc import Collection, Mapping, Sequence

from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.state.record import JobRecord
from canary_wf.verdict.failure_class import LEFT_RUNNING

_ORDER = "always"
"""How a clean-up depends on the set-up, which tests that require the fixture need to have worked."""


def set_ups_to_repeat(jobs: Sequence[PlannedJob], records: Mapping[str, JobRecord], known: Collection[str]) -> set[str]:
    """Return the jobs of a batch that are done and have to be done again, as others of it are not among the `known`.

    These are the tests of CTest that left processes running, which ended with the runner, and on which one of the
    others depends, also through others; and the clean-ups of their fixtures.
    """
    left = {job.id for job in jobs if job.id in known and LEFT_RUNNING in records[job.id].measurements}
    if not left:
        return set()
    downstream: dict[str, list[PlannedJob]] = {}
    for job in jobs:
        for edge in job.dependencies:
            downstream.setdefault(edge.job, []).append(job)
    needed = {job for job in left if _is_awaited(job, downstream, known)}
    fixtures = {job.id: set(job.fixtures) for job in jobs}
    clean_ups = {
        job.id
        for set_up in needed
        for job in downstream.get(set_up, ())
        if fixtures[set_up].intersection(job.fixtures)
        and any(edge.job == set_up and edge.when == _ORDER for edge in job.dependencies)
    }
    return needed | (clean_ups & set(known))


def _is_awaited(job: str, downstream: Mapping[str, Sequence[PlannedJob]], known: Collection[str]) -> bool:
    """Return whether a job that depends on `job` is still to run."""
    seen = {job}
    todo = [job]
    while todo:
        for other in downstream.get(todo.pop(), ()):
            if other.id not in known:
                return True
            if other.id not in seen:
                seen.add(other.id)
                todo.append(other.id)
    return False
