"""Resource groups of CTest: what is asked of the pool, and what a test is told."""

from pathlib import Path

from factories import spec

from canary_wf.ctest.resource_groups import group_variables, job_request
from canary_wf.resources.pool import ResourcePool
from canary_wf.run.job.environment import job_environment
from canary_wf.spec.ctest_rules import CTestRules, ResourceItem

GROUPS = (
    (ResourceItem("gpus", 2),),
    (ResourceItem("gpus", 4), ResourceItem("chips", 1), ResourceItem("gpus", 1)),
)
JOB = spec(
    "a", kind="ctest", cpus=2, gpus=7, resources={"chips": 1, "fpgas": 1}, resource_groups=GROUPS, ctest=CTestRules()
)
POOL_FOLDER = Path("/nowhere")
POOL = {
    "resources": {
        "cpus": [{"id": "0"}, {"id": "1"}],
        "gpus": [{"id": "x", "slots": 4}, {"id": "y", "slots": 4}],
        "chips": [{"id": "card"}],
        "fpgas": [{"id": "f"}],
    }
}


def test_items_keep_their_slots_and_the_rest_is_asked_one_by_one() -> None:
    """What belongs together is one item; what no group names, a slot each."""
    request = [(item["type"], item["slots"]) for item in job_request(JOB)]
    assert request[:4] == [("gpus", 2), ("gpus", 4), ("chips", 1), ("gpus", 1)]
    assert sorted(request[4:]) == [("cpus", 1), ("cpus", 1), ("fpgas", 1)]


def test_the_variables_tell_ids_and_slots_of_each_group() -> None:
    """Types in order, one share an item, an item on one id."""
    resources = ResourcePool(POOL).checkout(job_request(JOB))
    variables = group_variables(JOB, resources)
    assert variables["CTEST_RESOURCE_GROUP_COUNT"] == "2"
    assert variables["CTEST_RESOURCE_GROUP_0"] == "gpus"
    assert variables["CTEST_RESOURCE_GROUP_1"] == "chips,gpus"
    assert variables["CTEST_RESOURCE_GROUP_1_CHIPS"] == "id:card,slots:1"
    first, second = variables["CTEST_RESOURCE_GROUP_1_GPUS"].split(";")
    assert (first.rpartition(",")[2], second.rpartition(",")[2]) == ("slots:4", "slots:1")
    assert variables["CTEST_RESOURCE_GROUP_0_GPUS"].partition(",")[0] == second.partition(",")[0]


def test_a_job_without_groups_is_told_of_none() -> None:
    """The count is not set at all, also where the runner itself runs under ctest."""
    job = spec("b", kind="ctest", ctest=CTestRules())
    environment = job_environment({"CTEST_RESOURCE_GROUP_COUNT": "1", "PATH": "/bin"}, job, {}, POOL_FOLDER)
    assert group_variables(job, {}) == {}
    assert "CTEST_RESOURCE_GROUP_COUNT" not in environment


def test_a_test_of_ctest_sees_devices_threads_and_path_as_the_runner_does() -> None:
    """It chooses among all devices by its groups' ids, so nothing is hidden from it."""
    base = {"PATH": "/bin", "CUDA_VISIBLE_DEVICES": "3,4"}
    environment = job_environment(base, JOB, {"gpus": [{"id": "4", "slots": 2}]}, POOL_FOLDER)
    assert environment["PATH"] == "/bin"
    assert environment["CUDA_VISIBLE_DEVICES"] == "3,4"
    assert environment["CANARY_GPU_IDS"] == "4"
    assert "OMP_NUM_THREADS" not in environment
