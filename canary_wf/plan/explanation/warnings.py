"""Warnings and notes about a plan, one line each, for its reader to see before it runs.

A warning is about something to change. A note says how the plan came about, and is about something normal.
"""

from collections.abc import Iterator, Sequence

from canary_wf.durations import format_duration
from canary_wf.errors import one_line
from canary_wf.plan.fixtures import fixture_warnings
from canary_wf.plan.model import Plan
from canary_wf.spec.batch_slice import PlannedBatch, PlannedJob
from canary_wf.wording import amount, count, some


def warnings_of(plan: Plan) -> list[str]:
    """Return the warnings about `plan`, the most important first."""
    return [*ended_early(plan), *fixture_warnings(plan), *_too_long(plan)]


def notes_of(plan: Plan) -> list[str]:
    """Return the notes about `plan`: which run times are assumed, and which batches are larger than their jobs."""
    return [*_guessed(plan), *_wide(plan)]


def short_note(plan: Plan) -> str | None:
    """Return what a first plan is worth telling, or None: that its run times are guesses."""
    guessed = sum(job.runtime_source == "default" for job in plan.jobs)
    if not guessed:
        return None
    which = "all run times" if guessed == len(plan.jobs) else f"{guessed} of {len(plan.jobs)} run times"
    return f"{which} are guessed; estimates get better after the first run"


def _too_long(plan: Plan) -> Iterator[str]:
    """Yield a warning for jobs and batches longer than the target: a batch is never shorter than its longest item."""
    target = plan.batch_spec.duration
    if target is None:
        return
    jobs = [job for job in plan.jobs if job.runtime > target]
    phrase = format_duration(target)
    if jobs:
        jobs.sort(key=lambda job: (-job.runtime, job.name))
        names = [f"{one_line(job.name)} ({format_duration(job.runtime)})" for job in jobs]
        yield f"{_count(jobs, 'job')} longer than the target of {phrase}, and so are their batches: {some(names)}"
    long = {job.batch for job in jobs}
    others = [batch for batch in plan.batches if batch.runtime > target * (1 + 1e-9) and batch.id not in long]
    if others:
        names = [f"{batch.id} ({format_duration(batch.runtime)})" for batch in others]
        why = "whose jobs depend on one another" if plan.batch_spec.layout == "atomic" else "by their schedule"
        yield f"{_count(others, 'batch', 'batches')} longer than the target of {phrase}, {why}: {some(names)}"


def _guessed(plan: Plan) -> Iterator[str]:
    """Yield how many jobs have no history, and what is assumed instead."""
    declared = [job for job in plan.jobs if job.runtime_source == "declared"]
    guessed = [job for job in plan.jobs if job.runtime_source == "default"]
    if guessed:
        names = some([one_line(job.name) for job in guessed])
        phrase = "neither a history nor a declared run time; a quarter of the time limit is assumed"
        yield f"{_count(guessed, 'job', verb=('has', 'have'))} {phrase}: {names}"
    if declared:
        yield f"{_count(declared, 'job', verb=('has', 'have'))} no history; the declared run time is assumed"


def ended_early(plan: Plan) -> Iterator[str]:
    """Yield which jobs are expected to reach their own time limits. Their run times are capped there."""
    expected = [(job, job.runtime if job.above is None else job.above) for job in plan.jobs]
    jobs = [(job, above) for job, above in expected if above > job.limit]
    if jobs:
        names = [
            f"{one_line(job.name)} ({format_duration(above)}, {format_duration(job.limit)})" for job, above in jobs
        ]
        phrase = "expected to take longer than the job's own time limit, which ends it; set a longer timeout"
        yield f"{_count(jobs, 'job')} {phrase}: {some(names)}"


def _wide(plan: Plan) -> Iterator[str]:
    """Yield which batches ask for more than any of their jobs uses, which lets several jobs run side by side."""
    jobs = {job.id: job for job in plan.jobs}
    found: list[PlannedBatch] = []
    largest: dict[str, tuple[int, int]] = {}
    asked = used = 0.0
    for batch in plan.batches:
        members = [jobs[job] for job in batch.jobs]
        wide = {name: pair for name, pair in _asked_and_used(batch, members).items() if pair[0] > pair[1]}
        if wide:
            found.append(batch)
            asked += batch.cpus * batch.runtime
            used += sum(job.cpus * job.runtime for job in members)
        for name, pair in wide.items():
            largest[name] = max(largest.get(name, (0, 0)), pair)
    if found:
        amounts = ", ".join(
            f"{amount(asked_for, resource_type)} (largest job {job})"
            for resource_type, (asked_for, job) in sorted(largest.items())
        )
        share = f" ({round(100 * used / asked)} % of their cpus are busy)" if asked else ""
        phrase = _count(found, "batch", "batches", verb=("asks", "ask"))
        yield f"{phrase} for more than any one job there uses{share}: at most {amounts}"


def _asked_and_used(batch: PlannedBatch, jobs: Sequence[PlannedJob]) -> dict[str, tuple[int, int]]:
    """Return by resource type what the batch asks for, and the largest amount that one of its jobs uses."""
    found = {
        "cpus": (batch.cpus, max(job.cpus for job in jobs)),
        "gpus": (batch.slots_of_gpus, max(job.gpus for job in jobs)),
        "MiB of memory": (batch.memory or 0, max(job.memory or 0 for job in jobs)),
    }
    return found | {name: (n, max(job.resources.get(name, 0) for job in jobs)) for name, n in batch.resources.items()}


def _count(things: Sequence[object], one: str, many: str | None = None, verb: tuple[str, str] = ("is", "are")) -> str:
    return f"{count(len(things), one, many)} {verb[len(things) != 1]}"
