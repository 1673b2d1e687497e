"""`-r TYPE=N` and the pool file over detection, and the shape of a node."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.errors import InputError, UsageError
from canary_wf.resources.node import NodeShape, node_shape
from canary_wf.resources.options import parse_resource, pool_from_options
from canary_wf.resources.pool import ResourcePool


def detected() -> ResourcePool:
    """Return a pool as a machine with CPUs 4 to 6 and two GPUs has it."""
    return ResourcePool(
        {"resources": {"cpus": [{"id": name} for name in "456"], "gpus": [{"id": "GPU-a"}, {"id": "GPU-b"}]}}
    )


def ids(pool: ResourcePool, rtype: str) -> list[str]:
    """Return the ids of one type."""
    return [str(entry["id"]) for entry in pool.resources[rtype]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cpus=32", ("cpus", 32)),
        (" gpus = 0 ", ("gpus", 0)),
        ("memory=64GiB", ("memory", 65536)),
        ("memory=512", ("memory", 512)),
        ("nodes=2", ("nodes", 2)),
        ("big-fpgas=1", ("big-fpgas", 1)),
    ],
)
def test_resource_options(text: str, expected: tuple[str, int]) -> None:
    """A type and a number; memory as a size."""
    assert parse_resource(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cpus", "-r: 'cpus' is not understood; write TYPE=N"),
        ("=3", "not understood"),
        ("cpus=", "-r cpus: '' is not a whole number"),
        ("cpus=-1", "'-1' is not a whole number from 0"),
        ("cpus=1.5", "'1.5' is not a whole number"),
        ("cpus=1000001", "is not a whole number from 0 to 1000000"),
        ("cpus=" + "9" * 5000, "is not a whole number"),
        ("nodes=0", "'0' is not a whole number from 1"),
        ("gpu=1", "there is no resource type 'gpu'; write gpus=1"),
        ("memory=lots", "-r memory: memory 'lots' is not understood"),
        ("memory=-1", "-r memory"),
    ],
)
def test_wrong_resource_options(text: str, message: str) -> None:
    """A mistake on the command line is a usage error that names the option."""
    with pytest.raises(UsageError) as caught:
        parse_resource(text)
    assert message in str(caught.value)


@given(st.text())
def test_any_text_is_a_resource_or_a_usage_error(text: str) -> None:
    """No text makes the parser fail in another way."""
    with contextlib.suppress(UsageError):
        assert parse_resource(text)[1] >= 0


def test_nothing_requested_is_what_was_detected() -> None:
    """Without options the detected pool comes back, as a copy."""
    source = detected()
    pool = pool_from_options({}, None, source)
    assert pool.getstate() == source.getstate()
    pool.checkout([{"type": "cpus"}])
    assert source.resources["cpus"][0]["slots"] == 1


def test_requested_types_win_over_detection() -> None:
    """The ids of the machine come first, then ordinals that are not used yet; other types stay."""
    pool = pool_from_options({"cpus": 6, "fpgas": 2}, None, detected())
    assert ids(pool, "cpus") == ["4", "5", "6", "0", "1", "2"]
    assert ids(pool_from_options({"cpus": 8}, None, detected()), "cpus") == ["4", "5", "6", "0", "1", "2", "3", "7"]
    assert ids(pool, "fpgas") == ["0", "1"]
    assert ids(pool, "gpus") == ["GPU-a", "GPU-b"]
    assert ids(pool_from_options({"gpus": 1, "cpus": 0}, None, detected()), "gpus") == ["GPU-a"]


def test_a_pool_file_replaces_detection(tmp_path: Path) -> None:
    """With a file only CPUs it does not speak of are detected; what was requested wins over it but keeps its slots."""
    path = tmp_path / "pool.yaml"
    path.write_text("local:\n  gpus: [{id: x, slots: 4}, {id: y, slots: 4}]\n", encoding="utf-8")
    pool = pool_from_options({"gpus": 3}, path, detected())
    assert pool.getstate()["resources"] == {
        "gpus": [{"id": "x", "slots": 4}, {"id": "y", "slots": 4}, {"id": "0", "slots": 1}],
        "cpus": [{"id": name, "slots": 1} for name in "456"],
    }
    with pytest.raises(InputError):
        pool_from_options({}, tmp_path / "none.yaml", detected())


def test_nodes_and_memory_are_no_types_of_the_pool() -> None:
    """Nodes become the count of nodes, memory is left to the caller, and a negative number is refused."""
    pool = pool_from_options({"nodes": 3, "memory": 100}, None, detected())
    assert pool.types == ["cpus", "gpus"]
    assert pool.count("nodes") == 3
    with pytest.raises(UsageError, match="-r cpus"):
        pool_from_options({"cpus": -1}, None, detected())


def test_the_shape_of_a_node() -> None:
    """Slots per type, memory and nodes; the shape does not change with what is lent."""
    pool = pool_from_options({"nodes": 3}, None, detected())
    pool.checkout([{"type": "cpus"}])
    assert node_shape(pool, 512) == NodeShape(nodes=3, capacities={"cpus": 3, "gpus": 2}, memory=512)
    assert node_shape(pool, nodes=8) == NodeShape(nodes=8, capacities={"cpus": 3, "gpus": 2}, memory=None)
