"""A partition with unlike nodes: which kind each job is planned for, and which jobs are left out."""

from factories import spec

from canary_wf.plan.cluster.target import Target
from canary_wf.plan.node_groups import choose_node_types
from canary_wf.resources.node import NodeShape
from canary_wf.resources.pool import ResourcePool
from canary_wf.spec.job_spec import JobSpec


def _target(cpus: int, gpus: int, memory: int | None, *others: Target) -> Target:
    pool = ResourcePool()
    pool.populate(cpus=cpus, gpus=gpus)
    return Target("slurm", NodeShape(1, {"cpus": cpus, "gpus": gpus}, memory), pool, others=others)


WIDE_NODES = _target(64, 0, 1000)
GPU_NODES = _target(32, 4, 500, WIDE_NODES)
NARROW, WIDE, GPU = spec("narrow", cpus=8), spec("wide", cpus=64), spec("gpu", gpus=1)


def _cpus(jobs: list[JobSpec], layout: str = "flat") -> tuple[int, dict[str, int]]:
    """Return the CPUs of the main kind and of each job's."""
    found = choose_node_types(GPU_NODES, jobs, "atomic" if layout == "atomic" else "flat")
    kinds = zip(found.jobs, found.targets, strict=True)
    return found.main.node.capacities["cpus"], {job.name: kind.node.capacities["cpus"] for job, kind in kinds}


def test_as_many_as_possible_share_a_kind() -> None:
    """The others are planned for the one that they need; when all fit the largest it is that one."""
    assert _cpus([NARROW, GPU]) == (32, {"narrow": 32, "gpu": 32})
    assert _cpus([NARROW, WIDE]) == (64, {"narrow": 64, "wide": 64})
    assert _cpus([NARROW, WIDE, GPU]) == (32, {"narrow": 32, "wide": 64, "gpu": 32})
    assert _cpus([WIDE, spec("wider", cpus=48), GPU]) == (64, {"wide": 64, "wider": 64, "gpu": 32})


def test_only_what_fits_no_kind_is_left_out() -> None:
    """With what the kind of most jobs lacks, and with it what needs it."""
    jobs = [GPU, spec("more", gpus=2), WIDE, spec("vast", cpus=99), spec("both", cpus=64, gpus=1), spec("x", "vast")]
    found = choose_node_types(GPU_NODES, [*jobs, spec("y", "wide")], "flat")
    assert [job.name for job in found.jobs] == ["gpu", "more", "wide", "y"]
    assert found.targets == [GPU_NODES, GPU_NODES, WIDE_NODES, GPU_NODES]
    assert {job.name: job.reason for job in found.left_out} == {
        "vast": "needs 99 cpus, a node has 32; nor does it fit another kind of node",
        "both": "needs 64 cpus, a node has 32; nor does it fit another kind of node",
        "x": "needs vast, which is left out",
    }


def test_components_stay_on_one_kind() -> None:
    """With the atomic layout: one that fits no kind as a whole loses the jobs that the kind of most does not take."""
    after = spec("after", "wide")
    assert _cpus([GPU, NARROW, spec("more", gpus=2), WIDE, after], "atomic")[1]["after"] == 64
    torn = [GPU, spec("wide", "gpu", cpus=64), spec("last", "wide"), NARROW]
    found = choose_node_types(GPU_NODES, torn, "atomic")
    assert [job.name for job in found.jobs] == ["gpu", "narrow"]
    assert {job.name: job.reason for job in found.left_out} == {
        "wide": "needs 64 cpus, a node has 32; layout:atomic puts it into one batch with jobs that need another kind"
        " of node",
        "last": "needs wide, which is left out",
    }
