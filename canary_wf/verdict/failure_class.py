"""The failure class of a verdict: one word for programs and retry policies, while reasons are for people.

An outcome says how a job ended, a class why it did not pass. A job that was killed because memory ran out and a job
that ended with exit code 1 are both FAILED. Jobs that passed have no class.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from canary_wf.verdict.status import Category, Outcome, Status
from canary_wf.wording import count

OOM_KILL = "oom_kill"
"""Measurement: the kernel killed a process of the job because memory ran out."""


LEFT_RUNNING = "left_running"
"""Measurement: how many processes a CTest test left running for tests that depend on it."""


BATCH_KILLED = "batch_killed"
"""Measurement: the whole Slurm job was killed while the job ran, maybe because of another job."""


class FailureClass(StrEnum):
    """The reason why a job did not pass, as one word."""

    TIMEOUT = "timeout"
    OOM = "oom"
    KILLED = "killed"
    FAILED = "failed"
    DIFFED = "diffed"
    BROKEN = "broken"
    BLOCKED = "blocked"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


_OF_OUTCOME = {
    Outcome.TIMEOUT: FailureClass.TIMEOUT,
    Outcome.DIFFED: FailureClass.DIFFED,
    Outcome.BROKEN: FailureClass.BROKEN,
    Outcome.BLOCKED: FailureClass.BLOCKED,
    Outcome.SKIPPED: FailureClass.SKIPPED,
    Outcome.CANCELLED: FailureClass.CANCELLED,
    Outcome.INTERRUPTED: FailureClass.INTERRUPTED,
}


def class_of(status: Status, measurements: Mapping[str, Any]) -> FailureClass | None:
    """Return the class of a verdict, given the measurements of the run. None if the job passed or has no verdict."""
    if status.category in {Category.PASS, Category.NONE}:
        return None
    known = _OF_OUTCOME.get(status.outcome)
    if known is not None:
        return known
    if measurements.get(OOM_KILL):
        return FailureClass.OOM
    return FailureClass.KILLED if status.code < 0 else FailureClass.FAILED


def out_of_memory(status: Status) -> Status:
    """Return the verdict `status` with the reason that the kernel killed the process because memory ran out."""
    if status.outcome is not Outcome.FAILED:
        return status
    return Status(status.outcome, f"out of memory: the kernel killed it ({status.reason})", status.code)


def with_orphans(status: Status, number: int) -> Status:
    """Return the verdict `status` with the reason that the job left processes running."""
    gone = "was" if number == 1 else "were"
    return _and(
        status, f"left {count(number, 'process', 'processes')} running outside of its group, which {gone} killed"
    )


def with_missed_leftovers(status: Status, number: int) -> Status:
    """Return the verdict with the reason that the test left processes that tests in other batches need in vain."""
    left = count(number, "process", "processes")
    return _and(status, f"left {left} running, which will not survive until the tests in other batches run")


def with_unended(status: Status, processes: str) -> Status:
    """Return the verdict `status` with the reason that `processes`, in words, could not be ended."""
    return _and(status, f"could not be ended ({processes})")


def _and(status: Status, reason: str) -> Status:
    """Return `status` with one more `reason`."""
    return Status(status.outcome, f"{status.reason}; {reason}" if status.reason else reason, status.code)
