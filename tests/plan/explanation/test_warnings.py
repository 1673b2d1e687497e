"""Warnings about a plan: what is too long, guessed, or wide."""

from typing import Any

import msgspec
from factories import plan_of, planned, spec

from canary_wf.plan.explanation.warnings import notes_of, short_note, warnings_of
from canary_wf.plan.model import Plan


def _plan(*runtimes: float, source: str = "history", timeout: float = 7200.0, **batch: Any) -> Plan:  # noqa: ANN401 - any field of the batch
    """Return a plan of one batch with jobs of these run times (seconds) and a target of 1800 s."""
    jobs = [spec(f"j{number}", cpus=2, timeout=timeout) for number in range(len(runtimes))]
    plan = plan_of(jobs, cpus=4)
    members = tuple(
        msgspec.structs.replace(planned(job, plan.batches[0].id, seconds), runtime_source=source)
        for job, seconds in zip(jobs, runtimes, strict=True)
    )
    one = msgspec.structs.replace(plan.batches[0], **{"runtime": max(runtimes), **batch})
    return msgspec.structs.replace(plan, jobs=members, batches=(one,))


def test_a_plan_from_history_needs_no_warning() -> None:
    """Known jobs within the target, in a batch as wide as the widest."""
    assert warnings_of(_plan(10.0, 20.0)) == []


def test_jobs_longer_than_the_target_are_named_longest_first() -> None:
    """With how long they are expected to take; the rest is counted."""
    told = warnings_of(_plan(2000.0, 4000.0, 3000.0, 2500.0, 10.0))
    assert len(told) == 1
    assert told[0].startswith("4 jobs are longer than the target of 30m00s, and so are their batches: ")
    assert told[0].endswith(" j1 (1h06m), j2 (50m00s), j3 (41m40s) and 1 more")


def test_a_component_longer_than_the_target_is_named_by_its_batch() -> None:
    """Where no job is, but the batch is."""
    plan = _plan(1000.0, 1000.0, runtime=2000.0)
    spec_fields = msgspec.structs.replace(plan.batch_spec, layout="atomic")
    told = warnings_of(msgspec.structs.replace(plan, batch_spec=spec_fields))
    assert len(told) == 1
    assert f"{plan.batches[0].id} (33m20s)" in told[0]
    assert "depend on one another" in told[0]


def test_jobs_without_history_are_told_by_what_stands_in() -> None:
    """A quarter of the limit is a guess; a declared run time is not."""
    guessed, declared = _plan(1.0, source="default"), _plan(1.0, 1.0, source="declared")
    assert "1 job has neither a history nor a declared run time" in notes_of(guessed)[0]
    assert "2 jobs have no history; the declared run time is assumed" in notes_of(declared)[0]
    assert short_note(guessed) == "all run times are guessed; estimates get better after the first run"
    assert (short_note(declared), warnings_of(guessed), warnings_of(declared)) == (None, [], [])


def test_jobs_that_their_own_limit_would_end_are_named() -> None:
    """A run time above the time limit is a mistake in one of the two; it is told first, with both."""
    plan = _plan(400.0, 10.0, source="declared", timeout=300.0)
    told = warnings_of(plan)
    assert told[0].startswith("1 job is expected to take longer than the job's own time limit, which ends it")
    assert told[0].endswith(": j0 (6m40s, 5m00s)")


def test_a_batch_that_asks_for_more_than_any_job_uses_says_how_busy_it_is() -> None:
    """Four CPUs for jobs of two, half of the time both."""
    plan = _plan(10.0, 20.0, cpus=4, memory=100)
    assert warnings_of(plan) == []
    told = notes_of(plan)
    assert len(told) == 1
    assert told[0].startswith("1 batch asks for more than any one job there uses (75 % of their cpus are busy): ")
    assert told[0].endswith(" at most 100 MiB of memory (largest job 0), 4 cpus (largest job 2)")


def test_hostile_names_stay_in_one_line() -> None:
    """A name cannot forge a second warning."""
    plan = _plan(4000.0)
    plan = msgspec.structs.replace(plan, jobs=(msgspec.structs.replace(plan.jobs[0], name="a\ncanary-wf: fine"),))
    assert all("\n" not in line for line in warnings_of(plan))
