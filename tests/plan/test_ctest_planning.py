"""Locks, resource groups and order-only dependencies in planning."""

from pathlib import Path

import pytest
from factories import spec

from canary_wf.batch.problem import problem_of
from canary_wf.batch.reference_schedule import simulate
from canary_wf.errors import InputError
from canary_wf.history.run_times import History
from canary_wf.plan.cluster.target import Target
from canary_wf.plan.explanation.summary import summarize
from canary_wf.plan.explanation.wording import nodes_in_words
from canary_wf.plan.fit import misfit, remedy, split_by_fit
from canary_wf.plan.planner import PlanSettings, make_plan
from canary_wf.resources.node import node_shape
from canary_wf.resources.pool import ResourcePool
from canary_wf.spec.ctest_rules import CTestRules, ResourceItem
from canary_wf.spec.job_spec import DependencyEdge
from canary_wf.workflow.profiles import profile_files
from canary_wf.workflow.snakefile import workflow_files

POOL = ResourcePool({"resources": {"cpus": [{"id": "0"}, {"id": "1"}], "gpus": [{"id": "0", "slots": 2}, {"id": "1"}]}})


def test_jobs_with_one_lock_are_simulated_one_after_the_other() -> None:
    """The length of a batch knows of locks; one that a single job takes costs nothing."""
    jobs = [spec("a", locks=("x", "own")), spec("b", locks=("x",)), spec("c")]
    problem = problem_of(jobs, [10.0, 10.0, 10.0], {"cpus": 3})
    assert "lock:own" not in problem.types
    assert simulate(problem, [0, 1, 2]).length == 20.0
    assert simulate(problem, [0, 2]).length == 10.0


def test_items_must_fit_one_id() -> None:
    """Three slots in all are not three on one id."""
    groups = {
        "one": ((ResourceItem("gpus", 2),), (ResourceItem("gpus", 1),)),
        "other": ((ResourceItem("gpus", 3),),),
    }
    jobs = [spec(name, gpus=3, resource_groups=items) for name, items in groups.items()]
    kept, left_out = split_by_fit(jobs, node_shape(POOL), POOL)
    assert [job.name for job in kept] == ["one"]
    assert left_out[0].reason == "gpus: asked for 3 slots, available are 3 slots on 2 ids, at most 2 on one id"


def test_a_job_does_without_what_it_only_comes_after() -> None:
    """Where the upstream is left out the edge goes, and the job stays; a real dependency takes the job with it."""
    wide = spec("wide", cpus=9, kind="ctest", ctest=CTestRules())
    after = spec("after", kind="ctest", ctest=CTestRules(), dependencies=(DependencyEdge(wide.id, "always"),))
    needs = spec("needs", kind="ctest", ctest=CTestRules(), dependencies=(DependencyEdge(wide.id, "pass or skipped"),))
    other = spec("other", dependencies=(DependencyEdge(wide.id, "always"),))
    kept, left_out = split_by_fit([wide, after, needs, other], node_shape(POOL), POOL)
    assert [(job.name, job.dependencies) for job in kept] == [("after", ())]
    assert [job.name for job in left_out] == ["wide", "needs", "other"]


def test_gpus_of_many_slots_are_priced_and_told_as_devices(tmp_path: Path) -> None:
    """Six tests of an hour on half a GPU each take three hours of it, and Snakemake counts one."""
    jobs = [
        spec(
            f"h{n}",
            gpus=50,
            kind="ctest",
            ctest=CTestRules(),
            resource_groups=((ResourceItem("gpus", 50),),),
            runtime=3600.0,
            timeout=7200.0,
        )
        for n in range(6)
    ]
    pool = ResourcePool(
        {"resources": {"cpus": [{"id": str(n)} for n in range(6)], "gpus": [{"id": "0", "slots": 100}]}}
    )
    target = Target("local", node_shape(pool), pool)
    plan = make_plan(jobs, PlanSettings(), target, History(), out=tmp_path, session="s")
    assert summarize(plan).gpu_hours == pytest.approx(3.0)
    assert {(batch.gpus, batch.slots_of_gpus) for batch in plan.batches} == {(1, 100)}
    assert nodes_in_words(plan) == "6 cpus, 1 gpu"
    assert "gpu: 1\n" in profile_files(plan)["local/config.yaml"]
    assert "gpu=1," in workflow_files(plan)["workflow/rules/batches.smk"]


def test_what_takes_several_slots_of_a_gpu_is_told_on_slurm(tmp_path: Path) -> None:
    """Slots are no devices: there the message says what Slurm does not have, and what helps."""
    pool = ResourcePool({"resources": {"cpus": [{"id": "0"}], "gpus": [{"id": "0"}, {"id": "1"}]}})
    job = spec("h", gpus=50, kind="ctest", ctest=CTestRules(), resource_groups=((ResourceItem("gpus", 50),),))
    target = Target("slurm", node_shape(pool), pool)
    with pytest.raises(
        InputError, match=r"50 slots of one of the gpus, which have at most 1 slot each on Slurm; .*local"
    ):
        make_plan([job], PlanSettings(), target, History(), out=tmp_path, session="s")
    one = spec("c", resources={"cpu": 1})
    assert misfit(one, node_shape(pool)) == "needs 1 of the type 'cpu', a node has none"
    assert remedy(one, node_shape(pool)) == "--resource-pool-file FILE"
