"""Why a job is in its batch, and what its numbers come from."""

from pathlib import Path

import pytest
from factories import spec

from canary_wf.batch.specification import BatchSpecification
from canary_wf.history.run_times import History
from canary_wf.plan.cluster.target import Target
from canary_wf.plan.explanation.explain import Explanation, explain
from canary_wf.plan.planner import PlanSettings, make_plan
from canary_wf.resources.node import node_shape
from canary_wf.resources.pool import ResourcePool
from canary_wf.spec.job_spec import JobSpec


def _explained(jobs: list[JobSpec], name: str, batch_spec: str = "", history: History | None = None) -> Explanation:
    pool = ResourcePool()
    pool.populate(cpus=4, gpus=1)
    settings = PlanSettings(batch_spec=BatchSpecification.parse(batch_spec))
    known = history or History()
    target = Target("local", node_shape(pool), pool)
    plan = make_plan(jobs, settings, target, known, out=Path("/nowhere"), session="s")
    return explain(plan, next(job for job in plan.jobs if job.name == name), known)


def _line(found: Explanation, word: str) -> str:
    return next(line for line in found.lines if line.startswith(word))


CHAIN = [spec("a", timeout=100.0), spec("b", "a", timeout=100.0, runtime=8.0), spec("c", "b", timeout=100.0)]


def test_the_level_is_the_longest_chain_before_a_job() -> None:
    """And what it waits for is named, with its batch."""
    found = _explained(CHAIN, "c")
    assert found.level == 2
    assert _line(found, "level") == "level    2 of 0 to 2: the longest chain before it has 2 jobs"
    assert "for b (success, batch " in _line(found, "waits").replace("on_success", "success")
    assert "runs after batch" in _line(found, "batch")
    assert "no job has to run before it" in _line(_explained(CHAIN, "a"), "level")
    assert "for no other job" in _line(_explained(CHAIN, "a"), "waits")


@pytest.mark.parametrize(
    ("batch_spec", "told"),
    [
        ("duration:100", "% of the target of 1m40s"),
        ("duration:5", "the job alone is longer than the target of 5.0s"),
        ("count:3", "count:3: batches are balanced"),
        ("count:max", "count:max: each job has a batch of its own"),
        ("layout:atomic", "keeps jobs that depend on one another together"),
        ("nodes:same", "keeps jobs with other numbers of nodes apart"),
    ],
)
def test_the_specification_is_the_reason_for_a_batch(batch_spec: str, told: str) -> None:
    """Each part of it that decided is told."""
    assert told in _line(_explained(CHAIN, "b", batch_spec), "batch")


def test_each_source_of_an_estimate_is_told() -> None:
    """History with its spread, what the job declares, or a part of its limit."""
    history = History()
    for number, seconds in enumerate((4.0, 5.0, 6.0)):
        history.add(CHAIN[2].id, f"s{number}", seconds)
    assert "a quarter" not in _line(_explained(CHAIN, "a"), "expected")
    assert "25s: 25% of its time limit" in _line(_explained(CHAIN, "a"), "expected")
    assert "8.0s: the run time that it declares" in _line(_explained(CHAIN, "b"), "expected")
    assert "5.0s: the median of its last 3 runs (mean 5.0s, spread 1.5s)" in _line(
        _explained(CHAIN, "c", history=history), "expected"
    )


def test_the_limit_of_the_batch_is_taken_apart() -> None:
    """Margin, one job that hangs, and the start."""
    found = _explained(CHAIN, "b")
    assert found.time_limit == 180.0
    assert _line(found, "limit") == (
        "limit    1m40s for the job, 3m00s for its batch: 1.25 times 8.0s, 1m32s in case b hangs until its own limit, "
        "and 1m00s to start, in whole minutes"
    )


def test_what_a_job_asks_for_is_told() -> None:
    """All of it."""
    job = spec("wide", cpus=2, gpus=1, memory=512, exclusive=True)
    assert _line(_explained([job], "wide"), "asks") == (
        "asks for 2 cpus, 1 gpu, 512 MiB of memory, the whole node for itself"
    )


def test_nothing_is_said_of_a_limit_that_a_job_is_longer_than_anyway() -> None:
    """Such a job does not make its batch longer by running into its own limit."""
    told = _line(_explained([spec("a", runtime=600.0, timeout=60.0)], "a"), "limit")
    assert told.endswith("1.25 times 1m00s, and 1m00s to start, in whole minutes")


def test_another_kind_of_node_is_told() -> None:
    """Of a batch whose jobs do not fit the kind of node that most are planned for."""
    small, large = ResourcePool(), ResourcePool()
    small.populate(cpus=4, gpus=1)
    large.populate(cpus=8)
    target = Target("slurm", node_shape(small), small, others=(Target("slurm", node_shape(large), large),))
    jobs = [spec("a", gpus=1), spec("b", cpus=8)]
    plan = make_plan(jobs, PlanSettings(), target, History(), out=Path("/nowhere"), session="s")
    first, second = (_line(explain(plan, job, History()), "batch") for job in plan.jobs)
    assert "another kind" not in first
    assert "its jobs need another kind of node than most: one with 8 cpus" in second
