"""Explains why a job is in its batch, what it waits for, and how its estimate and limits were determined."""

from collections.abc import Iterator, Sequence

import msgspec

from canary_wf.batch.partition.graph import ordered
from canary_wf.batch.reference_order import upstream_places
from canary_wf.batch.time_limit import MARGIN, START_UP
from canary_wf.durations import format_duration
from canary_wf.errors import one_line
from canary_wf.graph import levels
from canary_wf.history.run_times import History
from canary_wf.plan.estimate import DEFAULT_SHARE, retries_allowed
from canary_wf.plan.explanation.wording import node_in_words
from canary_wf.plan.model import Plan
from canary_wf.spec.batch_slice import PlannedBatch, PlannedJob
from canary_wf.wording import amount, count, some

ABOVE = "which is above its own time limit"


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """The explanation of one job. `level` is the longest chain of jobs before it, `lines` are for people."""

    id: str
    name: str
    batch: str
    level: int
    waits_for: tuple[str, ...]
    runtime: float
    runtime_source: str
    time_limit: float
    lines: tuple[str, ...]


def explain(plan: Plan, job: PlannedJob, history: History) -> Explanation:
    """Return why `job` of `plan` is in its batch, and how its estimate and limits were determined."""
    batch = next(batch for batch in plan.batches if batch.id == job.batch)
    upstreams = upstream_places(plan.jobs)
    chains = levels(ordered([one.id for one in plan.jobs], upstreams), upstreams)
    level_of = {one.id: level for one, level in zip(plan.jobs, chains, strict=True)}
    level = level_of[job.id]
    lines = [
        f"job      {one_line(job.name)} ({job.id}) of {one_line(job.file)}",
        f"asks for {_asked(job)}",
        f"waits    {_waits(plan, job)}",
        f"level    {level} of 0 to {max(chains)}: {_level(level)}",
        f"batch    {batch.id}: {_batch(plan, batch, job, level, [level_of[one] for one in batch.jobs])}",
        f"expected {format_duration(job.runtime)}: {_estimate(job, history)}",
        f"limit    {_limits(job, batch)}: {_limit(plan, batch)}",
    ]
    return Explanation(
        id=job.id,
        name=job.name,
        batch=batch.id,
        level=level,
        waits_for=tuple(edge.job for edge in job.dependencies),
        runtime=job.runtime,
        runtime_source=job.runtime_source,
        time_limit=batch.time_limit,
        lines=tuple(lines),
    )


def _asked(job: PlannedJob) -> str:
    phrases = [amount(number, resource_type) for resource_type, number in job.requested.items() if number]
    phrases += [f"{job.memory} MiB of memory"] if job.memory else []
    phrases += [f"{job.nodes} nodes"] if job.nodes > 1 else []
    phrases += ["the whole node for itself"] if job.exclusive else []
    return ", ".join(phrases) or "nothing"


def _waits(plan: Plan, job: PlannedJob) -> str:
    names = {one.id: one for one in plan.jobs}
    phrase = [
        f"{one_line(names[edge.job].name)} ({edge.when}, "
        + ("its own batch)" if names[edge.job].batch == job.batch else f"batch {names[edge.job].batch})")
        for edge in job.dependencies
        if edge.job in names
    ]
    return f"for {some(phrase)}" if phrase else "for no other job"


def _level(level: int) -> str:
    if not level:
        return "no job has to run before it"
    return f"the longest chain before it has {count(level, 'job')}"


def _batch(plan: Plan, batch: PlannedBatch, job: PlannedJob, level: int, levels: Sequence[int]) -> str:
    jobs = "this job alone" if len(levels) == 1 else f"{len(levels)} jobs"
    length = f"{jobs}, {format_duration(batch.runtime)} long"
    phrases = [
        length,
        *_target(plan, batch, job),
        *_layout(plan, level, levels),
        *_fixtures(plan, batch, job),
        *_node_type(batch),
        *_upstream(batch),
    ]
    return "; ".join(phrases)


def _target(plan: Plan, batch: PlannedBatch, job: PlannedJob) -> Iterator[str]:
    target = plan.batch_spec.duration
    if target is None:
        phrase = "each job has a batch of its own" if plan.batch_spec.count == "max" else "batches are balanced"
        yield f"count:{plan.batch_spec.count}: {phrase}"
    elif job.runtime > target:
        yield f"the job alone is longer than the target of {format_duration(target)}"
    elif batch.runtime > target * (1 + 1e-9):
        longest = max((one for one in plan.jobs if one.batch == batch.id), key=lambda one: one.runtime)
        phrase = f"{one_line(longest.name)} ({format_duration(longest.runtime)}) makes it longer"
        yield f"{phrase} than the target of {format_duration(target)}, and it was filled up to that"
    else:
        yield f"filled to {round(100 * batch.runtime / target)} % of the target of {format_duration(target)}"


def _fixtures(plan: Plan, batch: PlannedBatch, job: PlannedJob) -> Iterator[str]:
    if plan.batch_spec.layout == "atomic" or not job.fixtures:
        return
    own = set(job.fixtures)
    others = [one for one in plan.jobs if one.batch == batch.id and one.id != job.id and own.intersection(one.fixtures)]
    if others:
        yield f"a fixture of CTest keeps {count(len(others), 'more job')} with it"


def _layout(plan: Plan, level: int, levels: Sequence[int]) -> Iterator[str]:
    if plan.batch_spec.layout == "atomic":
        yield "layout:atomic keeps jobs that depend on one another together"
        return
    yield "layout:flat keeps jobs that depend on one another apart"
    if level < max(levels):
        yield f"it fills up a batch of jobs of level {max(levels)}, as no earlier batch waits for it"
    if plan.batch_spec.nodes == "same":
        yield "nodes:same keeps jobs with other numbers of nodes apart"
    if any(batch.container or batch.conda for batch in plan.batches):
        yield "jobs that run in other software are apart"


def _node_type(batch: PlannedBatch) -> Iterator[str]:
    if batch.node is not None:
        yield f"its jobs need another kind of node than most: one with {node_in_words(batch.node, with_memory=True)}"


def _upstream(batch: PlannedBatch) -> Iterator[str]:
    if batch.dependencies:
        yield f"runs after batch {some(list(batch.dependencies))}"
    else:
        yield "waits for no other batch"


def _estimate(job: PlannedJob, history: History) -> str:
    if job.runtime_source == "history":
        known = history.statistics(job.id)
        if known is None:
            return "from its history"
        above = f", {ABOVE}" if job.above is not None else ""
        spread = f"mean {format_duration(known.mean)}, spread {format_duration(known.spread)}"
        return f"the median of its last {known.count} runs ({spread}){above}"
    if job.runtime_source == "declared":
        above = f", {ABOVE}" if job.above is not None else ""
        return f"the run time that it declares{above}; it has no history"
    return f"{DEFAULT_SHARE:.0%} of its time limit, as it has no history and declares no run time"


def _limits(job: PlannedJob, batch: PlannedBatch) -> str:
    return f"{format_duration(job.limit)} for the job, {format_duration(batch.time_limit)} for its batch"


def _limit(plan: Plan, batch: PlannedBatch) -> str:
    jobs = {job.id: job for job in plan.jobs}
    retries = retries_allowed(plan.retry)
    runs = 1 + retries.hangs
    slowest = max((jobs[job] for job in batch.jobs), key=lambda job: runs * job.limit - job.runtime)
    slack = runs * slowest.limit - slowest.runtime
    times = f" times {1 + retries.runs} for further runs" if retries.runs else ""
    hangs = f" in each of {runs} runs" if retries.hangs else ""
    hanging = f", {format_duration(slack)} in case {one_line(slowest.name)} hangs until its own limit{hangs}"
    return (
        f"{MARGIN:g} times {format_duration(batch.runtime)}{times}{hanging if slack > 0 else ''}, and "
        f"{format_duration(START_UP)} to start, in whole minutes"
    )
