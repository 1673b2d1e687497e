"""What batches asked for beside what their jobs used of it, in hours of cores and GPUs."""

from collections.abc import Iterable, Sequence

import msgspec

from canary_wf.plan.explanation.summary import SECONDS_AN_HOUR
from canary_wf.report.batch_runs import BatchRun
from canary_wf.run.job.environment import NODES
from canary_wf.spec.batch_slice import PlannedBatch
from canary_wf.state.record import JobRecord

_MOST_SLOTS = 1 << 31


class Efficiency(msgspec.Struct, frozen=True, kw_only=True):
    """Hours: asked for from start to end, held by jobs, and for cores what the jobs' processes computed."""

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
    """Return what `batch` asked for in its `runs`, up to `now` (epoch seconds), and what its jobs' `records` used.

    A job that was run again counts with its newest run only. One of several nodes holds on each what it does on the
    first, whose ids its record has.
    """
    hours = sum((now if run.ended is None else run.ended) - run.started for run in runs) / SECONDS_AN_HOUR
    held = {"cpus": 0.0, "gpus": 0.0}
    busy = 0.0
    for record in records:
        nodes = len(record.resources.get(NODES, ())) or 1
        busy += (record.measured("cpu_user") or 0.0) + (record.measured("cpu_system") or 0.0)
        for kind in held:
            slots = sum(_number(item.get("slots", 1)) for item in record.resources.get(kind, ()))
            held[kind] += slots * nodes * _seconds(record, now)
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
