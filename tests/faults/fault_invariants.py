"""What has to hold of a batch after any faults, checked on its files and on what its jobs told."""

import json
from collections import Counter
from typing import Any

from fault_world import CPUS, MOMENT, World, wait_until

from canary_wf.errors import CanaryWfError
from canary_wf.resources.leases.lease import HostLeases
from canary_wf.state.events import AttemptStarted, JobFinished, JobReset, JobStarted
from canary_wf.state.journal import read_events, read_journal
from canary_wf.verdict.status import JobPhase, Outcome

_JUDGED_AGAIN = {Outcome.INTERRUPTED.name, Outcome.BLOCKED.name}

Finals = dict[str, tuple[str, float | None]]
"""The final states seen, by job id: the outcome and when it ended."""


def finals(world: World) -> Finals:
    """Return the final states that the journal has now; a damaged journal is an error.

    What is blocked is judged again in each attempt, so it is not among them.
    """
    found: Finals = {}
    for job, record in read_journal(world.files.journal).jobs.items():
        if record.status.is_final and record.status.outcome is not Outcome.BLOCKED:
            found[job] = (record.status.outcome.name, record.finished)
    return found


def lost(before: Finals, now: Finals) -> list[str]:
    """Return what was final and is not the same any more."""
    return [
        f"lost a final state: {job} was {was}, is {now.get(job)}" for job, was in before.items() if now.get(job) != was
    ]


def outlived(world: World) -> list[str]:
    """Return the processes that live on a moment after their runner."""
    if wait_until(lambda: not world.running(), MOMENT):
        return []
    return [f"processes outlive their runner: {world.running()}"]


def after_all(world: World, allowed: set[str], *, hosts: int = 1, derived: bool = True) -> list[str]:
    """Return what is wrong after a last run without faults; `allowed` are the outcomes that jobs may have.

    Without `derived`, power went after the batch was complete: then a job's `job.json` may be missing. On two `hosts`,
    a runner that was frozen in the middle of a call ends that call when it wakes, whatever happened meanwhile.
    """
    problems = [*_states(world, allowed), *_history(world), *_concluded(world), *_left_over(world), *outlived(world)]
    if hosts == 1 and derived:
        problems += [*_derived(world), *_outputs(world)]
    if hosts == 1:
        problems += [f"ran twice at once: {line}" for line in world.trace() if line.what == "overlap"]
    return problems


def _states(world: World, allowed: set[str]) -> list[str]:
    state = read_journal(world.files.journal)
    found = []
    for job in world.plan.jobs:
        record = state.record(job.id)
        if record.phase is not JobPhase.DONE or record.status.outcome.name not in allowed:
            found.append(f"{job.name} is {record.phase.value} {record.status.outcome.name} ({record.status.reason})")
    if state.is_open:
        found.append("the last attempt is open")
    return found


def _history(world: World) -> list[str]:
    """Check that each attempt gave a job at most one verdict, and that nothing came after a final one."""
    found: list[str] = []
    given: set[str] = set()
    final: set[str] = set()
    for event in read_events(world.files.journal, lambda _: None):
        if isinstance(event, AttemptStarted):
            given.clear()
        elif isinstance(event, JobReset):
            final.discard(event.job)
        elif isinstance(event, JobStarted | JobFinished):
            if event.job in final:
                found.append(f"{world.names[event.job]} was final before {event}")
            if isinstance(event, JobFinished):
                found += _verdict(event, given, final)
    return found


def _verdict(event: JobFinished, given: set[str], final: set[str]) -> list[str]:
    if event.outcome in _JUDGED_AGAIN:
        return []
    again = [f"two verdicts in one attempt: {event}"] if event.job in given else []
    given.add(event.job)
    final.add(event.job)
    return again


def _outputs(world: World) -> list[str]:
    """Check that a job that passed has its whole output, and once."""
    state = read_journal(world.files.journal)
    found = []
    for job in world.plan.jobs:
        if state.record(job.id).status.outcome is Outcome.SUCCESS:
            output = (world.paths.job(job.directory) / "canary-out.txt").read_text()
            if output != f"{job.name} is done\n":
                found.append(f"{job.name} passed, but its output is {output!r}")
    return found


def _derived(world: World) -> list[str]:
    """Check that `job.json` says what the journal says."""
    state = read_journal(world.files.journal)
    found = []
    for job in world.plan.jobs:
        told = _content(world.paths.job(job.directory) / "job.json")
        for name, value in state.record(job.id).as_dict().items():
            if told.get(name) != value:
                found.append(f"job.json of {job.name}: {name} is {told.get(name)!r}, in the journal {value!r}")
    return found


def _concluded(world: World) -> list[str]:
    """Check that `result.json` and `attempt.json` say what the journal says."""
    state = read_journal(world.files.journal)
    found = []
    counts = Counter(state.record(job.id).status.category.value for job in world.plan.jobs)
    result = _content(world.files.result)
    if result.get("counts") != dict(counts):
        found.append(f"result.json counts {result.get('counts')}, the journal {dict(counts)}")
    if _content(world.files.attempt).get("ended") is not True:
        found.append("attempt.json does not say that it is over")
    return found


def _content(path: Any) -> dict[str, Any]:  # noqa: ANN401 - a path
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        return {"error": str(error)}
    return content


def _left_over(world: World) -> list[str]:
    """Check that no half-written file lies with the state, and that all leases are free."""
    found = [
        f"left over: {path.relative_to(world.out)}"
        for folder in (world.files.folder, world.paths.jobs)
        for path in folder.rglob(".*.tmp")
    ]
    asked = {"cpus": [str(number) for number in range(CPUS)]}
    try:
        HostLeases(world.leases).acquire({"cpus": CPUS}, asked, on_wait=found.append, give_up=lambda: True).release()
    except CanaryWfError as error:
        found.append(str(error))
    return found
