"""The nodes of a cluster as `sinfo` tells of them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.plan.cluster.nodes import ClusterNode, ask_sinfo, node_types, parse_sinfo

_SIZES = st.tuples(st.integers(0, 3), st.integers(1, 3), st.integers(1, 3))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("batch*|64|257000|gpu:4", ClusterNode("batch", True, 64, 257000, 4)),
        ("batch|64|257000|(null)", ClusterNode("batch", False, 64, 257000, 0)),
        ("a100|128+|512000+|gpu:a100:8(S:0-1)", ClusterNode("a100", False, 128, 512000, 8)),
        ("mig|1|1|gpu:a100_1g.5gb:7,gpu:h100:1", ClusterNode("mig", False, 1, 1, 8)),
        ("odd|1|1|gpu:1080:4(IDX:0-3),lustre:gpu:9", ClusterNode("odd", False, 1, 1, 4)),
        ("tape|1|1|tape:2,mps:100", ClusterNode("tape", False, 1, 1, 0)),
        ("  batch|8|100|  \n", ClusterNode("batch", False, 8, 100, 0)),
        ("", None),
        ("slurm_load_partitions: Unable to contact slurm controller", None),
        ("a|8|100|gpu:2|ib,icelake", ClusterNode("a", False, 8, 100, 2, ("ib", "icelake"))),
        ("a|8|100|gpu:2|(null)", ClusterNode("a", False, 8, 100, 2)),
        ("batch|many|100|gpu:1", None),
        ("batch|8|100", None),
    ],
)
def test_a_line_of_sinfo_is_read_in_all_its_forms(line: str, expected: ClusterNode | None) -> None:
    """The default's star, the plus of mixed nodes, and GPUs with and without type, socket and index."""
    assert parse_sinfo(line) == expected


def test_a_sinfo_that_prints_no_text_is_no_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that are not UTF-8 do not end the program."""
    (tmp_path / "answer").write_bytes(b"b\xff\xfe*|8|100|gpu:1\n")
    (tmp_path / "sinfo").write_text(f"#!/bin/sh\n/bin/cat '{tmp_path}/answer'\n")
    (tmp_path / "sinfo").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert [node.cpus for node in ask_sinfo()] == [8]


@given(st.lists(_SIZES, max_size=8))
def test_every_node_is_covered_by_a_kind_and_no_kind_by_another(sizes: list[tuple[int, int, int]]) -> None:
    """So what fits some node fits a kind, and no kind is looked at in vain."""
    nodes = [ClusterNode("p", is_default=True, cpus=cpus, memory=memory, gpus=gpus) for gpus, cpus, memory in sizes]
    kinds = [kind.size for kind in node_types(nodes)]
    assert kinds == sorted(set(kinds), reverse=True)
    for size in sizes:
        assert any(all(mine <= theirs for mine, theirs in zip(size, kind, strict=True)) for kind in kinds)
    for kind in kinds:
        assert not any(all(a <= b for a, b in zip(kind, other, strict=True)) for other in kinds if other != kind)
