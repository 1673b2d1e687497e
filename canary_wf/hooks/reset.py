"""Resetting jobs, so that the next run takes them up again, with what they had blocked."""

import time
from collections.abc import Iterable, Sequence

from canary_wf.job.attempt import take_batch
from canary_wf.job.events import AttemptEnded, AttemptStarted, JobReset
from canary_wf.job.journal import JournalWriter
from canary_wf.job.processes import this_place
from canary_wf.job.spec import JobSpec
from canary_wf.job.state_file import STATE_FILE
from canary_wf.session_paths import SessionPaths


def with_blocked(chosen: Iterable[str], blocked: Sequence[JobSpec]) -> set[str]:
    """Return the job ids `chosen` and those of `blocked` that wait for one of them, directly or through others."""
    waiting: dict[str, list[str]] = {}
    for job in blocked:
        for edge in job.dependencies:
            waiting.setdefault(edge.job, []).append(job.id)
    found = set(chosen)
    todo = list(found)
    while todo:
        for job_id in waiting.get(todo.pop(), ()):
            if job_id not in found:
                found.add(job_id)
                todo.append(job_id)
    return found


def reset_jobs(paths: SessionPaths, batch: str, jobs: Sequence[JobSpec]) -> None:
    """Make `jobs` of `batch` pending again and the batch's rule due; what their last run printed stays until then."""
    files = paths.batch(batch)
    attempt = take_batch(files.attempt)
    writer = JournalWriter(files.journal)
    now = time.time()
    writer.append(AttemptStarted(time=now, token=attempt.token, host=this_place(), pid=attempt.content.pid))
    for job in jobs:
        writer.append(JobReset(time=now, job=job.id))
        (paths.job(job.directory) / STATE_FILE).unlink(missing_ok=True)
    writer.append(AttemptEnded(time=now, token=attempt.token, reason="reset"))
    writer.close(sync=True)
    attempt.end()
    files.result.unlink(missing_ok=True)


def reset_reports(paths: SessionPaths) -> None:
    """Make the session's report and gate due again."""
    for path in (*paths.report.glob("*"), paths.gate):
        path.unlink(missing_ok=True)
