"""Batches for several kinds of nodes: each holds jobs of one kind, and their graph has no cycle."""

from pathlib import Path

import pytest
from factories import spec
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.batch.specification import BatchSpecification
from canary_wf.errors import InputError
from canary_wf.history.run_times import History
from canary_wf.plan.cluster.target import Target
from canary_wf.plan.explanation.summary import summarize
from canary_wf.plan.model import Plan
from canary_wf.plan.planner import PlanSettings, make_plan
from canary_wf.plan.store import slices
from canary_wf.resources.node import NodeShape
from canary_wf.resources.pool import ResourcePool
from canary_wf.spec.job_spec import JobSpec


def _target(cpus: int, gpus: int, *others: Target) -> Target:
    pool = ResourcePool()
    pool.populate(cpus=cpus, gpus=gpus)
    return Target("slurm", NodeShape(1, {"cpus": cpus, "gpus": gpus}, None), pool, others=others)


UNLIKE = _target(8, 2, _target(16, 0))
NEEDS = {"any": {"cpus": 2}, "gpu": {"gpus": 1}, "wide": {"cpus": 12}}


def _plan(jobs: list[JobSpec], text: str = "") -> Plan:
    settings = PlanSettings(batch_spec=BatchSpecification.parse(text))
    return make_plan(jobs, settings, UNLIKE, History(), out=Path("/space/out"), session="s1")


def _job(name: str, kind: str, *needs: str, runtime: float = 60.0) -> JobSpec:
    return spec(name, *needs, runtime=runtime, **NEEDS[kind])


@st.composite
def _graphs(draw: st.DrawFn) -> list[JobSpec]:
    jobs: list[JobSpec] = []
    for number in range(draw(st.integers(1, 14))):
        needs = [f"j{other}" for other in range(number) if draw(st.integers(0, 4)) == 0]
        runtime = float(draw(st.integers(0, 3000)))
        jobs.append(_job(f"j{number}", draw(st.sampled_from(sorted(NEEDS))), *needs, runtime=runtime))
    return jobs


@given(_graphs(), st.sampled_from(["", "count:max", "count:14", "layout:flat,duration:10m", "nodes:same"]))
def test_batches_fit_one_kind_and_come_after_those_they_need(jobs: list[JobSpec], text: str) -> None:
    """Whatever the graph: every job once, in a batch that its kind of node takes, and no cycle."""
    plan = _plan(jobs, text)
    assert sorted(job for batch in plan.batches for job in batch.jobs) == sorted(job.id for job in jobs)
    needed = {job.id: NEEDS["gpu"] if job.gpus else {"cpus": job.cpus} for job in jobs}
    batch_of = {job: batch.id for batch in plan.batches for job in batch.jobs}
    seen: set[str] = set()
    for batch in plan.batches:
        node = batch.node or plan.node
        assert all(node[kind] >= count for job in batch.jobs for kind, count in needed[job].items())
        assert batch.cpus <= node["cpus"]
        assert batch.gpus <= node["gpus"]
        wanted = {batch_of[edge.job] for job in jobs if job.id in batch.jobs for edge in job.dependencies}
        assert set(batch.dependencies) == wanted - {batch.id}
        assert seen >= set(batch.dependencies)
        seen.add(batch.id)
    summary = summarize(plan)
    assert summary.batches_nominal >= 1
    if text == "count:14":
        assert summary.batches <= 14


def test_jobs_of_another_kind_are_planned_beside_the_others() -> None:
    """In batches of their own, which say what node they need; their runner's slice says so, too."""
    plan = _plan([_job("a", "gpu"), _job("b", "any"), _job("c", "wide"), _job("d", "wide"), _job("e", "gpu", "c")])
    assert plan.left_out == ()
    assert plan.node == {"cpus": 8, "gpus": 2}
    jobs = {job.id: job.name for job in plan.jobs}
    found = {"".join(sorted(jobs[job] for job in batch.jobs)): batch for batch in plan.batches}
    assert {name: batch.node for name, batch in found.items()} == {"ab": None, "cd": {"cpus": 16, "gpus": 0}, "e": None}
    assert found["e"].dependencies == (found["cd"].id,)
    wide = next(part for part in slices(plan) if part.batch.id == found["cd"].id)
    assert wide.node == {"cpus": 16, "gpus": 0}
    assert {kind: len(ids) for kind, ids in wide.resource_pool["resources"].items()} == {"cpus": 16, "gpus": 0}


def test_a_count_is_shared_out_by_work() -> None:
    """One that is too small for all kinds is refused, with one that is not."""
    jobs = [_job(f"g{number}", "gpu") for number in range(4)] + [_job(f"w{number}", "wide") for number in range(12)]
    plan = _plan(jobs, "count:8")
    assert [sum(batch.node is not None for batch in plan.batches), len(plan.batches)] in ([1, 8], [2, 8])
    with pytest.raises(InputError, match=r"'count:1' is too small.*it takes 2.*write count:2"):
        _plan(jobs, "count:1")


def test_components_stay_whole() -> None:
    """With the atomic layout no batch waits for another one, on any kind of node."""
    jobs = [_job("a", "gpu"), _job("b", "any", "a"), _job("c", "wide"), _job("d", "any", "c"), _job("e", "gpu")]
    plan = _plan(jobs, "layout:atomic")
    assert plan.left_out == ()
    assert [batch.dependencies for batch in plan.batches] == [()] * len(plan.batches)
    assert sorted(len(batch.jobs) for batch in plan.batches) == [2, 3]
