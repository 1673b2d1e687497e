"""Which jobs of a running batch are run again, by the plan's policy or because a fixture was undone."""

import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.state.job_file import keep_output
from canary_wf.state.record import JobRecord
from canary_wf.verdict.failure_class import LEFT_RUNNING, class_of
from canary_wf.verdict.retry_policy import RetryPolicy, allows_another
from canary_wf.verdict.status import Status


class Retries:
    """Counts the runs of one batch's jobs that did not pass; `records` are the journal's, so that none is forgotten."""

    def __init__(self, policy: RetryPolicy, records: Mapping[str, JobRecord]) -> None:
        self._policy = policy
        self._ended: dict[str, list[str]] = {}
        for job, record in records.items():
            if record.earlier:
                self._ended[job] = [run.failure or "" for run in record.earlier]

    def earlier(self, job: str) -> int:
        """Return how many runs of `job` are kept."""
        return len(self._ended.get(job, ()))

    def another(self, job: str, status: Status, measurements: Mapping[str, Any]) -> bool:
        """Return whether `job`, which ended with `status`, is to run again, and count this run if so."""
        if not self._policy:
            return False
        failure = class_of(status, measurements)
        if failure is None or not allows_another(self._policy, self._ended.get(job, ()), failure):
            return False
        self._ended.setdefault(job, []).append(failure)
        return True

    def keep_output(self, job: str, folder: Path) -> str | None:
        """Move what the run just counted has printed out of the way of the next one; return the file's name."""
        try:
            return keep_output(folder, self.earlier(job))
        except OSError as error:
            # The next run is worth more than the output of this one.
            sys.stderr.write(f"canary-wf: warning: the output of job {job} is not kept: {error.strerror}\n")
            return None


def isolated(jobs: Sequence[PlannedJob], records: Mapping[str, JobRecord]) -> Sequence[PlannedJob]:
    """Return `jobs` where those with which the whole batch was killed before run alone, so that the culprit shows."""
    suspects = {job for job, record in records.items() if record.batch_kills}
    return [replace(job, exclusive=True) if job.id in suspects else job for job in jobs] if suspects else jobs


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
