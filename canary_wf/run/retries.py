"""Which jobs of a running batch are run again: the plan's policy, and how often each job did not pass so far."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.state.earlier_output import keep_output
from canary_wf.state.record import JobRecord
from canary_wf.verdict.failure_class import class_of
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
