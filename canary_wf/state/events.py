"""The events of a batch and its jobs: the lines of a journal, each stamped with its time (epoch seconds, UTC)."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from canary_wf.durations import LONGEST
from canary_wf.spec.resource_request import Resources
from canary_wf.verdict.status import Outcome, Status


class KeptFile(msgspec.Struct, frozen=True):
    """A file that is kept: its path below the job's directory, and its size in bytes."""

    path: str
    size: int


class Artifacts(msgspec.Struct, frozen=True):
    """What is kept of a run: the files, and the declared artifacts of which none was there, or why one is not kept."""

    kept: tuple[KeptFile, ...] = ()
    missing: tuple[str, ...] = ()


NO_ARTIFACTS = Artifacts()


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", omit_defaults=True):
    time: float
    by: str = ""
    """The beginning of the token of the attempt that wrote this event to the journal."""


class AttemptStarted(_Event, frozen=True, tag="attempt_started"):
    """A runner claimed the batch. `token` names the attempt; `time_limit` is the batch's limit in seconds."""

    token: str
    host: str
    pid: int
    slurm_job_id: str | None = None
    time_limit: float | None = None


class AttemptEnded(_Event, frozen=True, tag="attempt_ended"):
    """The runner released the batch.

    `reason` is ``complete``, ``signal``, ``time_limit``, ``disk_full``, ``unplaced``, ``max_fail``, ``chosen``
    (the jobs chosen for the run are done, others are left), ``lost``, ``reset``, ``cancelled`` or an error.
    """

    token: str
    reason: str


class JobStarted(_Event, frozen=True, tag="job_started"):
    """The job is about to be started with `resources`."""

    job: str
    resources: Resources = {}


class JobLaunched(_Event, frozen=True, tag="job_launched"):
    """The job's process was started. `started_ticks` distinguishes it from a later process with the same pid."""

    job: str
    pid: int
    started_ticks: int


class JobFinished(_Event, frozen=True, tag="job_finished"):
    """The job has its verdict: the outcome by name, the reason, the code, and the measurements."""

    job: str
    outcome: str
    reason: str | None = None
    code: int = int(Outcome.NONE)
    measurements: dict[str, Any] = {}
    artifacts: Artifacts = NO_ARTIFACTS

    @classmethod
    def of(
        cls,
        job: str,
        status: Status,
        time: float,
        measurements: Mapping[str, Any] | None = None,
        artifacts: Artifacts = NO_ARTIFACTS,
    ) -> "JobFinished":
        """Return the event that job `job` got the verdict `status` at `time`."""
        return cls(
            time=time,
            job=job,
            outcome=status.outcome.name,
            reason=status.reason,
            code=status.code,
            measurements=dict(measurements or {}),
            artifacts=artifacts,
        )


class JobRetried(_Event, frozen=True, tag="job_retried"):
    """A run of the job failed, and the job is to run again: the verdict on that run, and its measurements.

    `output` is the file in the job's directory that holds the output of that run, None when there was no output.
    """

    job: str
    outcome: str
    reason: str | None = None
    code: int = int(Outcome.NONE)
    measurements: dict[str, Any] = {}
    output: str | None = None
    artifacts: Artifacts = NO_ARTIFACTS

    @classmethod
    def of(
        cls,
        job: str,
        status: Status,
        time: float,
        measurements: Mapping[str, Any],
        output: str | None,
        artifacts: Artifacts = NO_ARTIFACTS,
    ) -> "JobRetried":
        """Return the event that a run of job `job` ended with `status` at `time`."""
        return cls(
            time=time,
            job=job,
            outcome=status.outcome.name,
            reason=status.reason,
            code=status.code,
            measurements=dict(measurements),
            output=output,
            artifacts=artifacts,
        )


class JobReset(_Event, frozen=True, tag="job_reset"):
    """The job is to run again; its earlier state no longer counts."""

    job: str


Event = AttemptStarted | AttemptEnded | JobStarted | JobLaunched | JobFinished | JobRetried | JobReset

LATEST = 32_503_680_000.0
"""The year 3000 in epoch seconds: events are earlier, and programs handle times before it."""

_OUTCOMES = frozenset(Outcome.__members__)
_PIDS = range(1 << 31)
_TICKS = range(1 << 63)
_CODES = range(-(1 << 31), 1 << 32)


_KEPT = re.compile(r"canary-artifacts(?:\.[1-9][0-9]*)?/[^\0]+", re.ASCII)


def _is_kept_path(path: str) -> bool:
    return _KEPT.fullmatch(path) is not None and ".." not in path.split("/")


def fault_of(event: Event) -> str | None:  # noqa: PLR0911 - a return for each type of event
    """Return why no runner of this version can have written `event`, or None when it may have.

    Measurements are not checked: jobs may name theirs as they like.
    """
    if not 0 <= event.time <= LATEST:
        return "its time is out of range"
    match event:
        case JobFinished() | JobRetried():
            if event.outcome not in _OUTCOMES:
                return f"outcome {event.outcome!r:.40} is not known; a newer canary-wf may have written it"
            if not all(_is_kept_path(file.path) for file in event.artifacts.kept):
                return "an artifact lies elsewhere"
            return None if event.code in _CODES else "its code is out of range"
        case JobStarted():
            items = (item for group in event.resources.values() for item in group)
            return None if all("id" in item for item in items) else "a resource has no id"
        case JobLaunched():
            known = event.pid in _PIDS and event.started_ticks in _TICKS
            return None if known else "its process is out of range"
        case AttemptStarted():
            known = event.pid in _PIDS and (event.time_limit is None or 0 <= event.time_limit <= LONGEST)
            return None if known else "its process or time limit is out of range"
        case _:
            return None
