"""Locks, resource groups and order-only dependencies in planning."""

from factories import spec

from canary_wf.batch.problem import problem_of
from canary_wf.batch.schedule import simulate
from canary_wf.job.ctest_rules import CTestRules, ResourceItem
from canary_wf.job.spec import DependencyEdge
from canary_wf.plan.fit import split_by_fit
from canary_wf.resources.node import node_shape
from canary_wf.resources.pool import ResourcePool

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
