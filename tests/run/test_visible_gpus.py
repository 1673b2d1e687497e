"""Which of the planned GPUs a batch takes where the shell that runs it leaves some of them visible only."""

from pathlib import Path

import pytest
from factories import plan_of, spec
from msgspec.structs import replace

from canary_wf.plan.store import slices
from canary_wf.run.batch_pool import open_pool
from canary_wf.spec.batch_slice import BatchSlice
from canary_wf.spec.ctest_rules import CTestRules


@pytest.fixture(autouse=True)
def _own_leases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_WF_LEASE_DIR", str(tmp_path / "leases"))


def _part(gpus: int, *, slots: int = 1, rules: CTestRules | None = None) -> BatchSlice:
    kind = "jobs" if rules is None else "ctest"
    (part,) = slices(plan_of([spec("a", gpus=1, kind=kind, ctest=rules)]))
    items = [{"id": str(number), "slots": slots} for number in range(4)]
    pool = {"resources": {"cpus": [{"id": "0", "slots": 1}], "gpus": items}}
    return replace(part, batch=replace(part.batch, gpus=gpus, cpus=1), resource_pool=pool)


@pytest.mark.parametrize(
    ("environment", "gpus", "taken"),
    [
        ({}, 2, {"0", "1"}),
        ({"CUDA_VISIBLE_DEVICES": "2,3"}, 1, {"2"}),
        ({"CUDA_VISIBLE_DEVICES": "2,3"}, 2, {"2", "3"}),
        ({"HIP_VISIBLE_DEVICES": "3"}, 1, {"3"}),
        ({"ROCR_VISIBLE_DEVICES": "1,3", "HIP_VISIBLE_DEVICES": "1"}, 1, {"3"}),
        ({"CUDA_VISIBLE_DEVICES": "GPU-a,GPU-b"}, 2, {"GPU-a", "GPU-b"}),
        ({"CUDA_VISIBLE_DEVICES": "2"}, 3, {"0", "1", "2"}),
        ({"CUDA_VISIBLE_DEVICES": ""}, 1, {"0"}),
    ],
)
def test_what_is_excluded_now_is_not_handed_out(environment: dict[str, str], gpus: int, taken: set[str]) -> None:
    """Whatever was visible when the plan was made; where too few are, the plan's own numbers count."""
    with open_pool(_part(gpus), environment) as pool:
        assert {str(item["id"]) for item in pool.pool.resources["gpus"]} == taken


def test_ids_of_several_slots_are_those_of_a_file() -> None:
    """Of which some may be hidden; a specification of CTest's is not touched, as ctest does not touch it."""
    environment = {"CUDA_VISIBLE_DEVICES": "3"}
    with open_pool(_part(1, slots=2), environment) as pool:
        assert pool.pool.resources["gpus"] == [{"id": "3", "slots": 2}]
    with open_pool(_part(1, rules=CTestRules(allocates=True)), environment) as pool:
        assert [item["id"] for item in pool.pool.resources["gpus"]] == ["0"]
