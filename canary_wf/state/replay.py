"""The events that lead to a state: what a journal says that is written anew from what is known."""

from bisect import bisect_right
from collections.abc import Iterator

from canary_wf.state.events import AttemptEnded, Event, JobFinished, JobLaunched, JobRetried, JobStarted
from canary_wf.state.journal import BatchState
from canary_wf.state.record import EarlierRun, JobRecord
from canary_wf.verdict.phase import JobPhase


def events_of(state: BatchState) -> Iterator[Event]:
    """Yield events that fold to `state`; they bear no attempt's name, so they count whatever comes before them.

    Each job's stand behind the start of the attempt that ran it, in the order of their times.
    """
    starts = [attempt.time for attempt in state.attempts]
    told: list[list[Event]] = [[] for _ in range(len(starts) + 1)]
    for job, record in state.jobs.items():
        told[0 if record.started is None else bisect_right(starts, record.started)] += job_events(job, record)
    yield from told[0]
    for attempt, end, events in zip(state.attempts, state.ends, told[1:], strict=True):
        yield attempt
        yield from sorted(events, key=lambda event: event.time)
        reason = state.reasons.get(attempt.token)
        if reason is not None:
            yield AttemptEnded(time=end, token=attempt.token, reason=reason)


def job_events(job: str, record: JobRecord) -> Iterator[Event]:
    """Yield the events that lead to the `record` of `job`, those of its earlier runs first."""
    for run in record.earlier:
        yield from _run_events(job, run)
    if record.started is not None:
        yield JobStarted(time=record.started, job=job, resources=record.resources)
    if record.phase is JobPhase.RUNNING:
        yield JobLaunched(time=record.started or 0.0, job=job, pid=record.pid, started_ticks=record.started_ticks)
    elif record.phase is JobPhase.DONE:
        yield JobFinished.of(job, record.status, record.finished or record.started or 0.0, record.measurements)


def _run_events(job: str, run: EarlierRun) -> Iterator[Event]:
    if run.started is not None:
        yield JobStarted(time=run.started, job=job, resources=run.resources)
    yield JobRetried.of(job, run.status, run.finished, run.measurements, run.output)
