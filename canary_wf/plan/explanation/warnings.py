"""What a reader of a plan should know before paying for it: each warning is one line."""

from collections.abc import Iterator, Sequence

from canary_wf.durations import format_duration
from canary_wf.errors import one_line
from canary_wf.plan.fixtures import fixture_warnings
from canary_wf.plan.model import Plan
from canary_wf.spec.batch_slice import PlannedBatch, PlannedJob
from canary_wf.wording import amount, count, some


def warnings_of(plan: Plan) -> list[str]:
    """Return the warnings about `plan`, the weightiest first."""
    return [*ended_early(plan), *fixture_warnings(plan), *_too_long(plan), *_guessed(plan), *_wide(plan)]


def _too_long(plan: Plan) -> Iterator[str]:
    """Yield what is longer than the target: nothing can make a batch shorter than its longest job or component."""
    target = plan.batch_spec.duration
    if target is None:
        return
    jobs = [job for job in plan.jobs if job.runtime > target]
    told = format_duration(target)
    if jobs:
        jobs.sort(key=lambda job: (-job.runtime, job.name))
        names = [f"{one_line(job.name)} ({format_duration(job.runtime)})" for job in jobs]
        yield f"{_count(jobs, 'job')} longer than the target of {told}, and so are their batches: {some(names)}"
    long = {job.batch for job in jobs}
    others = [batch for batch in plan.batches if batch.runtime > target * (1 + 1e-9) and batch.id not in long]
    if others:
        names = [f"{batch.id} ({format_duration(batch.runtime)})" for batch in others]
        why = "whose jobs depend on one another" if plan.batch_spec.layout == "atomic" else "by their schedule"
        yield f"{_count(others, 'batch', 'batches')} longer than the target of {told}, {why}: {some(names)}"


def _guessed(plan: Plan) -> Iterator[str]:
    """Yield how many jobs have no history, and what stands in for it."""
    declared = [job for job in plan.jobs if job.runtime_source == "declared"]
    guessed = [job for job in plan.jobs if job.runtime_source == "default"]
    if guessed:
        names = some([one_line(job.name) for job in guessed])
        told = "neither a history nor a declared run time; a quarter of the time limit is assumed"
        yield f"{_count(guessed, 'job', verb=('has', 'have'))} {told}: {names}"
    if declared:
        yield f"{_count(declared, 'job', verb=('has', 'have'))} no history; the declared run time is assumed"


def ended_early(plan: Plan) -> Iterator[str]:
    """Yield which jobs are expected to run into their own time limits, to which their run times are cut."""
    expected = [(job, job.runtime if job.above is None else job.above) for job in plan.jobs]
    jobs = [(job, above) for job, above in expected if above > job.limit]
    if jobs:
        names = [
            f"{one_line(job.name)} ({format_duration(above)}, {format_duration(job.limit)})" for job, above in jobs
        ]
        told = "expected to take longer than the job's own time limit, which ends it; set a longer timeout"
        yield f"{_count(jobs, 'job')} {told}: {some(names)}"


def _wide(plan: Plan) -> Iterator[str]:
    """Yield which batches ask for more than any of their jobs uses, so that several can run side by side."""
    jobs = {job.id: job for job in plan.jobs}
    found: list[PlannedBatch] = []
    largest: dict[str, tuple[int, int]] = {}
    asked = used = 0.0
    for batch in plan.batches:
        members = [jobs[job] for job in batch.jobs]
        wide = {kind: pair for kind, pair in _asked_and_used(batch, members).items() if pair[0] > pair[1]}
        if wide:
            found.append(batch)
            asked += batch.cpus * batch.runtime
            used += sum(job.cpus * job.runtime for job in members)
        for kind, pair in wide.items():
            largest[kind] = max(largest.get(kind, (0, 0)), pair)
    if found:
        kinds = ", ".join(
            f"{amount(there, kind)} (largest job {job})" for kind, (there, job) in sorted(largest.items())
        )
        share = f" ({round(100 * used / asked)} % of their cpus are busy)" if asked else ""
        told = _count(found, "batch", "batches", verb=("asks", "ask"))
        yield f"{told} for more than any one job there uses{share}: at most {kinds}"


def _asked_and_used(batch: PlannedBatch, jobs: Sequence[PlannedJob]) -> dict[str, tuple[int, int]]:
    """Return by type what the batch asks for, and the most that one of its jobs uses."""
    found = {
        "cpus": (batch.cpus, max(job.cpus for job in jobs)),
        "gpus": (batch.slots_of_gpus, max(job.gpus for job in jobs)),
        "MiB of memory": (batch.memory or 0, max(job.memory or 0 for job in jobs)),
    }
    return found | {kind: (n, max(job.resources.get(kind, 0) for job in jobs)) for kind, n in batch.resources.items()}


def _count(things: Sequence[object], one: str, many: str | None = None, verb: tuple[str, str] = ("is", "are")) -> str:
    return f"{count(len(things), one, many)} {verb[len(things) != 1]}"
