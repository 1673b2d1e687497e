"""A partition with unlike nodes: which kind is planned for, and what is told of the jobs that fit another one."""

from factories import spec

from canary_wf.plan.kind_of_node import choose_kind
from canary_wf.plan.target import Target
from canary_wf.resources.node import NodeShape
from canary_wf.resources.pool import ResourcePool


def _target(cpus: int, gpus: int, memory: int | None, *others: Target) -> Target:
    pool = ResourcePool()
    pool.populate(cpus=cpus, gpus=gpus)
    return Target("slurm", NodeShape(1, {"cpus": cpus, "gpus": gpus}, memory), pool, others=others)


GPU_NODES = _target(32, 4, 500, _target(64, 0, 1000))


def test_the_kind_that_the_most_jobs_fit_is_planned_for() -> None:
    """When all fit the largest it is that one."""
    narrow, wide, gpus = spec("narrow", cpus=8), spec("wide", cpus=64), spec("gpus", gpus=1)
    cases = [([narrow, gpus], 32), ([narrow, wide], 64), ([narrow, wide, gpus], 32), ([narrow], 32)]
    for jobs, cpus in cases:
        chosen, kept, left_out = choose_kind(GPU_NODES, jobs)
        assert chosen.node.capacities["cpus"] == cpus
        assert len(kept) + len(left_out) == len(jobs)


def test_a_job_that_fits_another_kind_is_left_out_with_what_to_do() -> None:
    """With the options that plan for such nodes; a job that fits none, or that waits for one, has its plain reason."""
    jobs = [spec("gpus", gpus=1), spec("more", gpus=2), spec("wide", cpus=48), spec("vast", cpus=99), spec("x", "wide")]
    chosen, kept, left_out = choose_kind(GPU_NODES, jobs)
    assert chosen is GPU_NODES
    assert [job.name for job in kept] == ["gpus", "more"]
    assert {job.name: job.reason for job in left_out} == {
        "wide": "needs 48 cpus, a node has 32; but nodes with 64 CPUs and 0 GPUs would take it: plan for these with"
        " -r cpus=64 -r gpus=0 -r memory=1000",
        "vast": "needs 99 cpus, a node has 32",
        "x": "needs wide, which is left out",
    }
    other, _, left_out = choose_kind(
        _target(64, 0, None, _target(32, 4, None)), [*jobs[:1], spec("a"), spec("b", cpus=64)]
    )
    assert other.node.capacities["cpus"] == 64
    assert left_out[0].reason.endswith(
        "nodes with 32 CPUs and 4 GPUs would take it: plan for these with -r cpus=32 -r gpus=4"
    )
