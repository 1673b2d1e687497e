"""Verdicts for jobs that no longer have a runner."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

from canary_wf.state.events import JobFinished
from canary_wf.state.journal import BatchState
from canary_wf.state.recorder import Recorder
from canary_wf.verdict.status import JobPhase, Outcome, Status

LOST = "its runner died"
"""The reason for a job that was running when its runner died of an unknown cause."""


def running_jobs(state: BatchState) -> list[str]:
    """Return the ids of the jobs that are running according to the journal."""
    return [job for job, record in state.jobs.items() if record.phase is JobPhase.RUNNING]


def give_verdict(
    recorder: Recorder, jobs: Iterable[str], outcome: Outcome, reason: str, measured: Mapping[str, Any] | None = None
) -> None:
    """Record that `jobs` ended just now with `outcome`, `reason` and the measurements `measured`."""
    now = time.time()
    for job in jobs:
        recorder(JobFinished.of(job, Status.of(outcome, reason), now, measured))


def interrupt(recorder: Recorder, reason: str) -> None:
    """Give the verdict INTERRUPTED to every job that is running according to the journal."""
    give_verdict(recorder, running_jobs(recorder.state), Outcome.INTERRUPTED, reason)
