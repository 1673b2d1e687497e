"""When and where batches ran, and how much of the requested resources their jobs used, in core-hours and GPU-hours."""

from collections.abc import Iterable, Sequence

import msgspec

from canary_wf.plan.explanation.summary import SECONDS_AN_HOUR
from canary_wf.run.job.environment import NODES
from canary_wf.spec.batch_slice import PlannedBatch
from canary_wf.state.journal import CARRIED, BatchState
from canary_wf.state.record import JobRecord

_NO_RUNS = {CARRIED, "reset", "lost", "cancelled"}
"""End reasons of attempts that ran nothing: verdicts were taken over or reset, or a dead runner's state reconciled."""


class BatchRun(msgspec.Struct, frozen=True):
    """One run of a batch on `host`, from `started` to `ended` (epoch seconds; None while it continues).

    `reason` is the reason of its end, None for a run that continues or died. A run that died ended with its last event.
    """

    host: str
    started: float
    ended: float | None
    reason: str | None
    slurm_job_id: str | None = None


def runs_of(state: BatchState, *, alive: bool) -> tuple[BatchRun, ...]:
    """Return the runs in a batch's journal, oldest first; `alive` says whether the newest one continues."""
    found = []
    for number, attempt in enumerate(state.attempts):
        reason = state.reasons.get(attempt.token)
        if reason in _NO_RUNS:
            continue
        going_on = alive and reason is None and number == len(state.attempts) - 1
        host = attempt.host.partition("/")[0]
        ended = None if going_on else state.ends[number]
        found.append(BatchRun(host, attempt.time, ended, reason, attempt.slurm_job_id))
    return tuple(found)


def run_at(runs: Sequence[BatchRun], time: float | None) -> BatchRun | None:
    """Return the run that was in progress at `time` (epoch seconds), or None; `runs` are sorted, oldest first."""
    begun = [run for run in runs if time is not None and run.started <= time]
    return begun[-1] if begun else None


_MOST_SLOTS = 1 << 31


class Efficiency(msgspec.Struct, frozen=True, kw_only=True):
    """Hours: requested for the whole run, held by jobs, and, for cores, CPU time of the jobs' processes."""

    cores_asked: float = 0.0
    cores_held: float = 0.0
    cores_busy: float = 0.0
    gpus_asked: float = 0.0
    gpus_held: float = 0.0

    def __add__(self, other: "Efficiency") -> "Efficiency":
        return Efficiency(**{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__})


def efficiency_of(
    batch: PlannedBatch, runs: Sequence[BatchRun], records: Iterable[JobRecord], now: float
) -> Efficiency:
    """Return what `batch` requested in its `runs` until `now` (epoch seconds), and what its jobs' `records` used.

    Only the newest run of a job counts. A job of several nodes holds on each node what it holds on the first, whose ids
    its record has.
    """
    hours = sum((now if run.ended is None else run.ended) - run.started for run in runs) / SECONDS_AN_HOUR
    held = {"cpus": 0.0, "gpus": 0.0}
    busy = 0.0
    for record in records:
        nodes = len(record.resources.get(NODES, ())) or 1
        busy += (record.measured("cpu_user") or 0.0) + (record.measured("cpu_system") or 0.0)
        for resource_type in held:
            slots = sum(_number(item.get("slots", 1)) for item in record.resources.get(resource_type, ()))
            held[resource_type] += slots * nodes * _seconds(record, now)
    return Efficiency(
        cores_asked=batch.cpus * batch.nodes * hours,
        cores_held=held["cpus"] / SECONDS_AN_HOUR,
        cores_busy=busy / SECONDS_AN_HOUR,
        gpus_asked=batch.gpus * batch.nodes * hours,
        gpus_held=held["gpus"] / SECONDS_AN_HOUR,
    )


def _seconds(record: JobRecord, now: float) -> float:
    if record.duration is not None:
        return record.duration
    return max(0.0, now - record.started) if record.started is not None and record.finished is None else 0.0


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and 0 <= value <= _MOST_SLOTS else 0.0
