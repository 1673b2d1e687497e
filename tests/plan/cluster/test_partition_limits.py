"""What a partition allows, from the text of `scontrol`, and what is refused because of it."""

from pathlib import Path

import msgspec
import pytest
from factories import plan_of, spec

from canary_wf.errors import InputError
from canary_wf.plan.cluster.partition_limits import PartitionLimits, ask_partitions, keep_to_limits, parse_partition
from canary_wf.spec.batch_slice import PlannedBatch

SHORT = (
    "PartitionName=short AllowGroups=ALL Default=YES MaxNodes=4 MaxTime=01:30:00 MinNodes=0 MaxCPUsPerNode=16"
    " Nodes=n[1-8] State=UP TotalCPUs=128 TotalNodes=8 MaxMemPerNode=64000 TRES=cpu=128,mem=1T"
)
OPEN = "PartitionName=open Default=NO MaxNodes=UNLIMITED MaxTime=UNLIMITED TotalNodes=3 MaxMemPerNode=UNLIMITED"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (SHORT, PartitionLimits("short", True, minutes=90, nodes=4, memory=64000, cpus=16)),
        (OPEN, PartitionLimits("open", nodes=3)),
        (
            "PartitionName=d MaxTime=2-12:00:00 MaxMemPerCPU=4000",
            PartitionLimits("d", minutes=3600, memory_per_cpu=4000),
        ),
        ("PartitionName=m MaxTime=45:30", PartitionLimits("m", minutes=45)),
        ("PartitionName=x MaxTime=soon MaxNodes=-3 TotalNodes=0", PartitionLimits("x")),
        ("slurm_load_partitions error", None),
    ],
)
def test_a_line_of_scontrol(line: str, expected: PartitionLimits | None) -> None:
    """The smaller of the nodes that are allowed and those that are there; UNLIMITED and damage limit nothing."""
    assert parse_partition(line) == expected


@pytest.mark.parametrize(
    ("wanted", "names"), [(None, ["short"]), ("open", ["open"]), ("open,short", ["short", "open"]), ("none", None)]
)
def test_the_wanted_partitions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str | None, names: list[str] | None
) -> None:
    """Those asked for, else the default one; nothing is known of one that is not there."""
    (tmp_path / "answer").write_text(f"{SHORT}\n{OPEN}\n")
    program = tmp_path / "scontrol"
    program.write_text(f"#!/bin/sh\n/bin/cat '{tmp_path}/answer'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = ask_partitions(wanted)
    assert (None if found is None else [limits.name for limits in found]) == names


@pytest.mark.parametrize("body", [None, "exit 1"])
def test_without_an_answer_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str | None) -> None:
    """No scontrol, or one that fails."""
    if body is not None:
        (tmp_path / "scontrol").write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / "scontrol").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ask_partitions(None) is None


def _batch(**fields: int) -> PlannedBatch:
    batch = plan_of([spec("a")]).batches[0]
    return msgspec.structs.replace(batch, **fields)


@pytest.mark.parametrize(
    ("fields", "limits", "told"),
    [
        ({"time_limit": 3601}, {"minutes": 60}, "asks for 61 minutes, partition p allows 60 minutes"),
        ({"nodes": 3}, {"nodes": 2}, "asks for 3 nodes, partition p allows 2"),
        ({"cpus": 9}, {"cpus": 8}, "asks for 9 CPUs on a node, partition p allows 8"),
        ({"memory": 9}, {"memory": 8}, "asks for 9 MiB, partition p allows 8 MiB on a node"),
        ({"memory": 41}, {"memory_per_cpu": 10}, "asks for 41 MiB, partition p allows 40 MiB on a node"),
    ],
)
def test_a_batch_over_a_limit_is_refused(fields: dict[str, int], limits: dict[str, int], told: str) -> None:
    """The message has the batch, what it asks for, what is allowed, and what helps; at the limit it goes through."""
    partition = msgspec.structs.replace(PartitionLimits("p"), **limits)
    with pytest.raises(InputError, match=told) as raised:
        keep_to_limits([_batch(**fields)], [partition], node_cpus=4)
    assert "--slurm partition=NAME" in str(raised.value)
    keep_to_limits([_batch(**{name: size - 1 for name, size in fields.items()})], [partition], 4)


@pytest.mark.parametrize(
    ("limits", "memory"),
    [
        (PartitionLimits("p"), None),
        (PartitionLimits("p", memory=30, memory_per_cpu=10), 30),
        (PartitionLimits("p", memory=50, memory_per_cpu=10), 40),
        (PartitionLimits("p", memory_per_cpu=10, cpus=3), 30),
    ],
)
def test_memory_is_limited_by_node_and_by_cpu(limits: PartitionLimits, memory: int | None) -> None:
    """The tighter of the two holds, and no more CPUs bring memory than a job may have on a node (of 4)."""
    assert limits.memory_of(4) == memory


def test_one_partition_that_takes_the_batch_is_enough() -> None:
    """Slurm chooses among several; without any known nothing is refused."""
    long = _batch(time_limit=7200)
    assert keep_to_limits([long], [PartitionLimits("p", minutes=60), PartitionLimits("q")], 4) == [long]
    assert keep_to_limits([long], [], 4) == [long]


@pytest.mark.parametrize(
    ("partitions", "longest"),
    [
        ([], None),
        ([PartitionLimits("p")], None),
        ([PartitionLimits("p", minutes=200)], 200),
        ([PartitionLimits("p", minutes=200), PartitionLimits("q", minutes=300)], 300),
        ([PartitionLimits("p", minutes=200), PartitionLimits("q")], None),
        ([PartitionLimits("p", minutes=200), PartitionLimits("q", minutes=300, nodes=1)], 200),
        ([PartitionLimits("p", minutes=200), PartitionLimits("q", minutes=60)], 200),
    ],
)
def test_a_batch_knows_the_longest_time_it_may_take(partitions: list[PartitionLimits], longest: int | None) -> None:
    """That of the most generous partition that takes it; a partition without a limit leaves it without one."""
    (batch,) = keep_to_limits([_batch(time_limit=7200, nodes=2)], partitions, 4)
    assert batch.longest == longest
