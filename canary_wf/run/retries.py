"""Which jobs of a running batch run again: by the plan's retry policy, or because a fixture was undone."""

import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from canary_wf.graph import dependents_of, downstream
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.state.job_file import keep_output
from canary_wf.state.record import JobRecord
from canary_wf.verdict.failure_class import LEFT_RUNNING, class_of
from canary_wf.verdict.retry_policy import RetryPolicy, allows_another
from canary_wf.verdict.status import Status


class Retries:
    """Counts the failed runs of a batch's jobs. `records` are the journal's, so runs of earlier attempts count."""

    def __init__(self, policy: RetryPolicy, records: Mapping[str, JobRecord]) -> None:
        self._policy = policy
        self._ended: dict[str, list[str]] = {}
        for job, record in records.items():
            if record.earlier:
                self._ended[job] = [run.failure or "" for run in record.earlier]

    def earlier(self, job: str) -> int:
        """Return the number of earlier runs of `job`."""
        return len(self._ended.get(job, ()))

    def grants_retry(self, job: str, status: Status, measurements: Mapping[str, Any]) -> bool:
        """Return whether `job`, which ended with `status`, is to run again; count this run if so."""
        if not self._policy:
            return False
        failure = class_of(status, measurements)
        if failure is None or not allows_another(self._policy, self._ended.get(job, ()), failure):
            return False
        self._ended.setdefault(job, []).append(failure)
        return True

    def keep_output(self, job: str, folder: Path) -> str | None:
        """Move the output of the run just counted out of the way of the next run; return the file's name."""
        try:
            return keep_output(folder, self.earlier(job))
        except OSError as error:
            # The next run is worth more than the output of this one.
            sys.stderr.write(f"canary-wf: warning: the output of job {job} is not kept: {error.strerror}\n")
            return None


def isolate_suspects(jobs: Sequence[PlannedJob], records: Mapping[str, JobRecord]) -> Sequence[PlannedJob]:
    """Return `jobs`; those that ran when the whole batch was killed now run alone, which exposes the culprit."""
    suspects = {job for job, record in records.items() if record.batch_kills}
    return [replace(job, exclusive=True) if job.id in suspects else job for job in jobs] if suspects else jobs


_ORDER = "always"
"""The condition by which a clean-up depends on its set-up; tests that require the fixture have another one."""


def set_ups_to_repeat(jobs: Sequence[PlannedJob], records: Mapping[str, JobRecord], known: Collection[str]) -> set[str]:
    """Return the finished jobs of a batch that must run again because jobs that are not `known` need them.

    These are the CTest tests that left processes running (which ended with the runner) and on which an unfinished job
    depends, directly or through others, and the clean-ups of their fixtures.
    """
    left = {job.id for job in jobs if job.id in known and LEFT_RUNNING in records[job.id].measurements}
    if not left:
        return set()
    by_id, done = {job.id: job for job in jobs}, set(known)
    dependents = dependents_of(by_id, lambda job: by_id[job].upstreams)
    needed = {job for job in left if not downstream([job], dependents.get).keys() <= done}
    clean_ups = {
        job
        for set_up in needed
        for job in dependents.get(set_up, ())
        if set(by_id[set_up].fixtures).intersection(by_id[job].fixtures)
        and any(edge.job == set_up and edge.when == _ORDER for edge in by_id[job].dependencies)
    }
    return needed | (clean_ups & done)
