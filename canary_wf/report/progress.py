"""How far the batches are that run now, and when they will be through, from the plan and the state files."""

from collections.abc import Iterator

from canary_wf.durations import format_duration
from canary_wf.job.phase import JobPhase
from canary_wf.plan.model import PlannedBatch, PlannedJob
from canary_wf.plan.pace import Pace
from canary_wf.report.session import SessionState


def progress_of(state: SessionState, now: float) -> Iterator[str]:
    """Yield a line for each batch that has a living runner; `now` is epoch seconds."""
    jobs: dict[str, list[PlannedJob]] = {}
    for job in state.plan.jobs:
        if job.batch in state.heard:
            jobs.setdefault(job.batch, []).append(job)
    for batch in state.plan.batches:
        if batch.id in state.heard:
            yield _line(state, batch, jobs[batch.id], now)


def _line(state: SessionState, batch: PlannedBatch, jobs: list[PlannedJob], now: float) -> str:
    pace = Pace(batch, jobs)
    done = 0
    for job in jobs:
        record = state.record(job)
        if record.phase is JobPhase.RUNNING:
            pace.start(job.id, record.started or now)
        elif record.phase is JobPhase.DONE:
            pace.end(job.id)
            done += 1
    left = format_duration(max(1, round(pace.seconds_left(now))))
    silent = max(0, round(now - state.heard[batch.id]))
    return (
        f"batch {batch.id}: {done} of {len(jobs)} done, {pace.running} running, {pace.waiting} waiting,"
        f" about {left} left; last sign of life {silent} s ago"
    )
