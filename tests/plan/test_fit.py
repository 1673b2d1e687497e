"""Which jobs fit a node, and what is told of those that do not."""

from typing import Any

import pytest
from factories import spec
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.plan.fit import misfit, split_by_fit
from canary_wf.resources.node import NodeShape

NODE = NodeShape(nodes=1, capacities={"cpus": 4, "gpus": 2, "fpgas": 1}, memory=1000)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"cpus": 4, "gpus": 2, "memory": 1000, "resources": {"fpgas": 1}}, None),
        ({"cpus": 5}, "needs 5 cpus, a node has 4"),
        ({"gpus": 3}, "needs 3 gpus, a node has 2"),
        ({"resources": {"tapes": 1}}, "needs 1 tapes, a node has none"),
        ({"resources": {"tapes": 0}}, None),
        ({"memory": 1001}, "needs 1001 MiB of memory, a node has 1000"),
        ({"nodes": 2}, "needs 2 nodes, a job may use 1"),
    ],
)
def test_a_job_fits_up_to_exactly_what_the_node_has(fields: dict[str, Any], reason: str | None) -> None:
    """The whole node is enough, one more of anything is not, and the reason names both numbers."""
    assert misfit(spec("a", **fields), NODE) == reason


def test_a_job_on_several_nodes_may_use_them_together() -> None:
    """The limits of a two-node job are those of two nodes."""
    pair = NodeShape(nodes=2, capacities={"cpus": 4, "gpus": 0}, memory=1000)
    assert misfit(spec("a", nodes=2, cpus=8, memory=2000), pair) is None
    assert misfit(spec("a", nodes=2, cpus=9), pair) == "needs 9 cpus, 2 nodes have 8"


def test_unknown_memory_of_the_node_limits_nothing() -> None:
    """Where nobody knows what a node has, a job's wish is no reason to leave it out."""
    assert misfit(spec("a", memory=10**9), NodeShape(nodes=1, capacities={"cpus": 1})) is None


def test_what_needs_a_job_that_is_left_out_is_left_out_too() -> None:
    """The reason goes down the chain, each naming the job that it waits for; the rest stays."""
    jobs = [spec("wide", cpus=9), spec("b", "wide"), spec("c", "b"), spec("alone")]
    kept, left_out = split_by_fit(jobs, NODE)
    assert [job.name for job in kept] == ["alone"]
    assert [(job.name, job.reason) for job in left_out] == [
        ("wide", "needs 9 cpus, a node has 4"),
        ("b", "needs wide, which is left out"),
        ("c", "needs b, which is left out"),
    ]


@given(st.lists(st.tuples(st.integers(0, 8), st.lists(st.integers(0, 20), max_size=3)), max_size=20))
def test_each_job_is_kept_or_left_out_and_no_kept_job_misses_an_upstream(rows: list[tuple[int, list[int]]]) -> None:
    """Nothing is lost, nothing is twice, and what is kept can run."""
    jobs = [
        spec(f"j{number}", *(f"j{upstream}" for upstream in needs if upstream < number), cpus=cpus)
        for number, (cpus, needs) in enumerate(rows)
    ]
    kept, left_out = split_by_fit(jobs, NODE)
    assert sorted([job.id for job in kept] + [job.id for job in left_out]) == sorted(job.id for job in jobs)
    ids = {job.id for job in kept}
    assert all(edge.job in ids for job in kept for edge in job.dependencies)
    assert all(job.cpus <= 4 for job in kept)
