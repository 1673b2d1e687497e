"""What can happen to a batch and its jobs: the lines of a journal, each stamped with its time (epoch seconds, UTC)."""

from typing import Any

import msgspec

from canary_wf.job.status import Outcome

Resources = dict[str, list[dict[str, Any]]]


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", omit_defaults=True):
    time: float
    by: str = ""
    """The beginning of the token of the attempt that wrote this, where it is in the journal."""


class AttemptStarted(_Event, frozen=True, tag="attempt_started"):
    """A runner took the batch: `token` names the attempt, `time_limit` is what the batch may take (seconds)."""

    token: str
    host: str
    pid: int
    slurm_job_id: str | None = None
    time_limit: float | None = None


class AttemptEnded(_Event, frozen=True, tag="attempt_ended"):
    """The batch was let go of.

    `reason` is ``complete``, ``signal``, ``time_limit``, ``lost``, ``reset``, ``cancelled`` or an error.
    """

    token: str
    reason: str


class JobStarted(_Event, frozen=True, tag="job_started"):
    """The job is about to be started with `resources`."""

    job: str
    resources: Resources = {}


class JobLaunched(_Event, frozen=True, tag="job_launched"):
    """The job's process is there. `started_ticks` tells it from a later process with the same pid."""

    job: str
    pid: int
    started_ticks: int


class JobFinished(_Event, frozen=True, tag="job_finished"):
    """The job has its verdict: the outcome by name, the reason, the code, and what was measured."""

    job: str
    outcome: str
    reason: str | None = None
    code: int = int(Outcome.NONE)
    measurements: dict[str, Any] = {}


class JobRetried(_Event, frozen=True, tag="job_retried"):
    """A run of the job did not pass, and the job is to run again: the verdict on that run, and what was measured.

    `output` is the file in the job's directory that what it printed was moved to, None where there was nothing.
    """

    job: str
    outcome: str
    reason: str | None = None
    code: int = int(Outcome.NONE)
    measurements: dict[str, Any] = {}
    output: str | None = None


class JobReset(_Event, frozen=True, tag="job_reset"):
    """The job is to run again: what was known of it no longer counts."""

    job: str


Event = AttemptStarted | AttemptEnded | JobStarted | JobLaunched | JobFinished | JobRetried | JobReset
