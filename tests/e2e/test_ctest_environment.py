"""What a test of CTest finds in its environment, beside what ctest itself gives it."""

import json
import re
import subprocess

import pytest
from workspace import Workspace

pytestmark = [pytest.mark.needs("cmake", "ctest"), pytest.mark.xdist_group("ctest")]

SPECIFICATION = {
    "version": {"major": 1, "minor": 0},
    "local": [{"gpus": [{"id": "3", "slots": 4}], "cpu": [{"id": "x"}]}],
}
GROUPS = {"none": "", "zero": "gpus:0", "both": "gpus:0,gpus:2;gpus:1", "type": "cpu:1,gpus:1"}
OURS = re.compile("CANARY_|DASHBOARD_TEST_FROM_CTEST|CTEST_INTERACTIVE|PWD|OLDPWD|SHLVL|_$")


def _variables(text: str) -> dict[str, str]:
    lines = (line.split("=", 1) for line in text.splitlines() if "=" in line)
    return {name: value for name, value in lines if not OURS.match(name)}


def test_it_is_what_ctest_gives_but_for_what_is_documented(workspace: Workspace) -> None:
    """Groups of resources with items of no slots, none at all, and a type that is nearly called as CPUs are."""
    text = ['set(CTEST_RESOURCE_SPEC_FILE "s.json")']
    for name, groups in GROUPS.items():
        text.append(f'add_test({name} "/bin/sh" "-c" "env | tee {workspace.tree}/{name}.txt")')
        if groups:
            text.append(f'set_tests_properties({name} PROPERTIES RESOURCE_GROUPS "{groups}" LABELS "a b" PROCESSORS 2)')
    workspace.write("CTestTestfile.cmake", "\n".join(text))
    workspace.write("s.json", json.dumps(SPECIFICATION))
    workspace.environment |= {"OMP_NUM_THREADS": "3", "HIP_VISIBLE_DEVICES": "1", "MKL_NUM_THREADS": ""}
    for name in ("TMPDIR", "TMP", "TEMP", "TEMPDIR", "CUDA_VISIBLE_DEVICES", "NUMEXPR_NUM_THREADS"):
        workspace.environment.pop(name, None)
    subprocess.run(["ctest", "--test-dir", workspace.tree], check=True, env=workspace.environment, capture_output=True)
    expected = {name: _variables((workspace.tree / f"{name}.txt").read_text()) for name in GROUPS}
    generated = workspace.generate("-r", "cpus=2")
    assert not generated.stderr
    assert "2 cpus, 1 gpu," in generated.stdout
    done = workspace.snakemake()
    assert done.returncode == 0, done.stderr
    for name in GROUPS:
        text_of_job = (workspace.tree / f"{name}.txt").read_text()
        assert _variables(text_of_job) == expected[name]
        assert re.search(r"^CTEST_INTERACTIVE_DEBUG_MODE=1$", text_of_job, re.MULTILINE)
        assert re.search(r"^DASHBOARD_TEST_FROM_CTEST=\d+\.\d+", text_of_job, re.MULTILINE)
    assert expected["zero"]["CTEST_RESOURCE_GROUP_0_GPUS"] == "id:3,slots:0"
    assert expected["none"]["CTEST_RESOURCE_GROUP_COUNT"] == "0"
    assert re.search("^CANARY_CPU_IDS=[^x]+$", (workspace.tree / "type.txt").read_text(), re.MULTILINE)
