"""Placeholders for ids, and what a job finds in its environment."""

from pathlib import Path

import pytest
from factories import spec
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.run.job.environment import base_environment, expanded, job_environment
from canary_wf.spec.ctest_rules import CTestRules

FOLDER = Path("/out/jobs/a")
GIVEN = {
    "cpus": [{"id": "4", "slots": 1}, {"id": "7", "slots": 1}],
    "gpus": [{"id": "GPU-2", "slots": 1}],
    "fpgas": [{"id": "b", "slots": 2}],
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%(gpu_ids)s", "GPU-2"),
        ("--cpus=%(cpu_ids)s,%(fpga_ids)s", "--cpus=4,7,b"),
        ("%(gpus_ids)s %(nodes_ids)s", "GPU-2 %(nodes_ids)s"),
        ("100%", "100%"),
        ("%(name)s %d %%", "%(name)s %d %%"),
        ("%%(gpu_ids)s", "%GPU-2"),
        ("%(gpu_ids)", "%(gpu_ids)"),
    ],
)
def test_ids_are_filled_in_and_everything_else_stays(text: str, expected: str) -> None:
    """Commands and values may have percent signs of their own, of which none has to be doubled."""
    job = spec("a", environment={"A": text})
    assert job_environment({}, job, GIVEN, FOLDER)["A"] == expected


@given(st.text().filter(lambda text: "_ids)s" not in text))
def test_a_text_without_placeholders_is_never_changed(text: str) -> None:
    """Whatever it has."""
    assert expanded(text, {"CANARY_GPU_IDS": "1"}) == text


def test_inherited_variables_are_templates_too() -> None:
    """As canary has it: the shell or a configuration sets them once for all jobs, tests of CTest as well."""
    base = base_environment(
        {"HIP": "%(gpu_ids)s", "CUDA_VISIBLE_DEVICES": "%(gpu_ids)s", "PS1": "%(x)s"}, ["cpus", "gpus"]
    )
    found = job_environment(base, spec("a"), GIVEN, FOLDER)
    assert (found["HIP"], found["CUDA_VISIBLE_DEVICES"], found["PS1"]) == ("GPU-2", "GPU-2", "%(x)s")
    assert job_environment(base, spec("a"), {}, FOLDER)["HIP"] == ""
    assert job_environment(dict(base), spec("a"), GIVEN, FOLDER)["HIP"] == "GPU-2"
    ctest = spec("a", ctest=CTestRules())
    assert job_environment(base, ctest, GIVEN, FOLDER)["CUDA_VISIBLE_DEVICES"] == "GPU-2"


def test_every_type_of_the_pool_has_its_variable_which_is_empty_when_a_job_gets_none() -> None:
    """What an outer runner gave to the runner itself is not handed on."""
    outer = {"CANARY_GPU_IDS": "9", "CANARY_TPU_IDS": "9", "CANARY_MY_IDS_FILE": "kept"}
    base = base_environment(outer, ["cpus", "gpus", "fpgas"])
    found = {name: value for name, value in job_environment(base, spec("a"), {}, FOLDER).items() if "CANARY" in name}
    del found["CANARY_WF_JOB"]
    kinds = ("CPU", "CPUS", "GPU", "GPUS", "FPGA", "FPGAS")
    assert found == {"CANARY_MY_IDS_FILE": "kept", **{f"CANARY_{kind}_IDS": "" for kind in kinds}}
    given_ids = job_environment(base, spec("a"), GIVEN, FOLDER)
    assert [given_ids[f"CANARY_{kind}_IDS"] for kind in kinds] == ["4,7", "4,7", "GPU-2", "GPU-2", "b", "b"]
    assert given_ids["ROCR_VISIBLE_DEVICES"] == given_ids["CUDA_VISIBLE_DEVICES"] == "GPU-2"


def test_another_type_never_has_the_variables_of_cpus_and_gpus() -> None:
    """Whatever it is called and whatever the order; the singular belongs to the type that is called so."""
    types = ["cpus", "gpus", "cpu", "gpu", "GPUS", "node", "fpga", "fpgas"]
    given = {kind: [{"id": f"{kind}-1", "slots": 1}] for kind in reversed(types)}
    found = job_environment(base_environment({}, types), spec("a"), given, FOLDER)
    kinds = ("CPU", "CPUS", "GPU", "GPUS", "RESOURCE_CPU", "RESOURCE_GPU", "RESOURCE_GPUS", "RESOURCE_NODE")
    assert [found[f"CANARY_{kind}_IDS"] for kind in kinds] == [
        *("cpus-1", "cpus-1", "gpus-1", "gpus-1", "cpu-1", "gpu-1", "GPUS-1", "node-1")
    ]
    assert (found["CANARY_FPGA_IDS"], found["CANARY_FPGAS_IDS"]) == ("fpga-1", "fpgas-1")
    plural = job_environment(base_environment({}, types), spec("a"), {"fpgas": given["fpgas"]}, FOLDER)
    assert (plural["CANARY_FPGA_IDS"], plural["CANARY_FPGAS_IDS"]) == ("", "fpgas-1")
    assert "CANARY_GPUS_IDS" not in job_environment({}, spec("a"), {"gpu": given["gpu"]}, FOLDER)
