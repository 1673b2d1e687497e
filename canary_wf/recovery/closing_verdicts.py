"""Giving verdicts to jobs that no runner has any more."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

from canary_wf.state.events import JobFinished
from canary_wf.state.journal import BatchState
from canary_wf.state.recorder import Recorder
from canary_wf.verdict.status import JobPhase, Outcome, Status

LOST = "its runner died"
"""The reason given for a job that was running when its runner died, and nobody knows why."""


def running_jobs(state: BatchState) -> list[str]:
    """Return the ids of the jobs that the journal has as running."""
    return [job for job, record in state.jobs.items() if record.phase is JobPhase.RUNNING]


def give_verdict(
    recorder: Recorder, jobs: Iterable[str], outcome: Outcome, reason: str, measured: Mapping[str, Any] | None = None
) -> None:
    """Record that `jobs` ended with `outcome` just now, why, and what was `measured`."""
    now = time.time()
    for job in jobs:
        recorder(JobFinished.of(job, Status.of(outcome, reason), now, measured))


def interrupt(recorder: Recorder, reason: str) -> None:
    """Give every job that the journal has as running the verdict INTERRUPTED."""
    give_verdict(recorder, running_jobs(recorder.state), Outcome.INTERRUPTED, reason)
