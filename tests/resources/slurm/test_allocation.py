"""What Slurm grants, from made-up environments and the text of `scontrol`."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.resources.slurm import allocation as granted
from canary_wf.resources.slurm.allocation import allocated_memory, allocated_resources, ask_scontrol, cpu_count, gpu_ids
from canary_wf.resources.slurm.text import LONGEST, cpu_ids_of_job, nodes_of, numbers_of, per_node

SHOWN = """JobId=7 JobName=x
   JOB_GRES=gpu:2
     Nodes=n[1-2] CPU_IDs=0-3,8 Mem=100 GRES=gpu:2(IDX:0-1)
     Nodes=n03 CPU_IDs=4-5 Mem=100 GRES=
   MinCPUsNode=1
"""


def says(text: str) -> Callable[[str], str]:
    """Return what stands in for `scontrol`."""
    return lambda _job: text


def ids(environment: dict[str, str], affinity: set[int], shown: str = "") -> list[str]:
    """Return the CPU ids granted in job 7."""
    found = allocated_resources({"SLURM_JOB_ID": "7", **environment}, affinity, says(shown))
    assert found is not None
    return [str(entry["id"]) for entry in found.pool.resources["cpus"]]


def test_outside_of_slurm_nothing_is_granted() -> None:
    """Without SLURM_JOB_ID there is no allocation."""
    assert allocated_resources({"SLURM_CPUS_PER_TASK": "4"}, {0}) is None


@pytest.mark.parametrize(
    ("environment", "count"),
    [
        ({}, None),
        ({"SLURM_CPUS_ON_NODE": "8"}, 8),
        ({"SLURM_JOB_CPUS_PER_NODE": "8(x2),4"}, 8),
        ({"SLURM_JOB_CPUS_PER_NODE": "8(x2),4", "SLURM_NODEID": "2"}, 4),
        ({"SLURM_JOB_CPUS_PER_NODE": "junk"}, None),
        ({"SLURM_JOB_CPUS_PER_NODE": "16", "SLURM_CPUS_ON_NODE": "4"}, 4),
        ({"SLURM_CPUS_PER_TASK": "4"}, 4),
        ({"SLURM_CPUS_PER_TASK": "4", "SLURM_CPUS_ON_NODE": "64"}, 4),
        ({"SLURM_CPUS_PER_TASK": "4", "SLURM_TASKS_PER_NODE": "2(x3)", "SLURM_CPUS_ON_NODE": "64"}, 8),
        ({"SLURM_CPUS_PER_TASK": "4", "SLURM_TASKS_PER_NODE": "2", "SLURM_STEP_ID": "0"}, 4),
        ({"SLURM_CPUS_PER_TASK": "4", "SLURM_CPUS_ON_NODE": "1", "SLURM_STEP_ID": "0"}, 1),
        ({"SLURM_CPUS_PER_TASK": "", "SLURM_CPUS_ON_NODE": "3"}, 3),
        ({"SLURM_CPUS_PER_TASK": "-4", "SLURM_CPUS_ON_NODE": "0"}, None),
    ],
)
def test_the_count_of_cpus(environment: dict[str, str], count: int | None) -> None:
    """A step has the CPUs of its task, a batch script those of its node's tasks, never more than the node gave."""
    assert cpu_count(environment) == count


def test_the_affinity_gives_the_ids_when_it_has_exactly_that_many() -> None:
    """Ids of the affinity are the operating system's, so processes may be bound to them."""
    found = allocated_resources({"SLURM_JOB_ID": "7", "SLURM_CPUS_PER_TASK": "2"}, {5, 9}, says(SHOWN))
    assert found is not None
    assert found.bindable
    assert [entry["id"] for entry in found.pool.resources["cpus"]] == ["5", "9"]


def test_otherwise_scontrol_gives_the_ids() -> None:
    """The list of this node counts, those in the affinity first; without enough of them there are ordinals."""
    environment = {"SLURM_CPUS_PER_TASK": "2", "SLURMD_NODENAME": "n2"}
    assert ids(environment, set(range(16)), SHOWN) == ["0", "1"]
    assert ids(environment, {3, 8, 9}, SHOWN) == ["3", "8"]
    assert ids(environment, {20}, SHOWN) == ["0", "1"]
    assert ids({**environment, "SLURMD_NODENAME": "n03"}, set(range(16)), SHOWN) == ["4", "5"]
    assert ids({**environment, "SLURMD_NODENAME": "n3"}, set(range(4, 16)), SHOWN) == ["0", "1"]
    assert ids(environment, set(range(4, 16))) == ["0", "1"]
    assert ids({"SLURM_CPUS_PER_TASK": "6", "SLURMD_NODENAME": "n1"}, set(range(16)), SHOWN) == list("012345")


def test_an_affinity_with_all_cpus_of_the_host_settles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing binds, two jobs with as many CPUs as the host has would else be given the same ones."""
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    environment = {"SLURM_CPUS_PER_TASK": "2", "SLURMD_NODENAME": "n03"}
    assert ids(environment, {0, 1}, SHOWN) == ["4", "5"]
    assert ids({**environment, "SLURMD_NODENAME": "n9"}, {0, 1}, SHOWN) == ["0", "1"]
    assert ids(environment, {0, 1}, SHOWN.replace("CPU_IDs=4-5", "CPU_IDs=0-1")) == ["0", "1"]


def test_without_any_count_the_affinity_is_the_grant() -> None:
    """A step whose variables say nothing has what the kernel lets it use."""
    assert ids({}, {1, 2, 4}) == ["1", "2", "4"]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, []),
        ({"SLURM_JOB_GPUS": "0-2,5"}, ["0", "1", "2", "5"]),
        ({"SLURM_JOB_GPUS": "0,1", "SLURM_STEP_GPUS": "1"}, ["1"]),
        ({"SLURM_JOB_GPUS": "2,3", "CUDA_VISIBLE_DEVICES": "0,1"}, ["0", "1"]),
        ({"SLURM_JOB_GPUS": "2,3", "CUDA_VISIBLE_DEVICES": "NoDevFiles"}, []),
        ({"SLURM_JOB_GPUS": "2,3", "ROCR_VISIBLE_DEVICES": ""}, []),
        ({"CUDA_VISIBLE_DEVICES": "GPU-1,MIG-2"}, ["GPU-1", "MIG-2"]),
        ({"SLURM_JOB_GPUS": ""}, []),
        # Left of an outer step, or of the shell that submitted the job.
        ({"SLURM_JOB_GPUS": "2,3", "SLURM_STEP_GPUS": "0"}, ["2", "3"]),
        ({"SLURM_JOB_GPUS": "2,3", "SLURM_STEP_GPUS": "0", "CUDA_VISIBLE_DEVICES": ""}, ["2", "3"]),
        ({"SLURM_JOB_GPUS": "0,1", "CUDA_VISIBLE_DEVICES": ""}, ["0", "1"]),
        ({"SLURM_JOB_GPUS": "0,1", "CUDA_VISIBLE_DEVICES": "", "ROCR_VISIBLE_DEVICES": ""}, ["0", "1"]),
        ({"CUDA_VISIBLE_DEVICES": ""}, []),
        # A job of a batch that was given no GPU starts another run.
        ({"SLURM_JOB_GPUS": "0,1", "CUDA_VISIBLE_DEVICES": "", "CANARY_GPU_IDS": ""}, []),
    ],
)
def test_gpus(environment: dict[str, str], expected: list[str]) -> None:
    """What the drivers read counts before what Slurm says, because only those ids can be bound."""
    assert gpu_ids(environment) == expected


@pytest.mark.parametrize(
    ("environment", "size"),
    [
        ({}, None),
        ({"SLURM_MEM_PER_NODE": "2000"}, 2000),
        ({"SLURM_MEM_PER_NODE": "0"}, None),
        ({"SLURM_MEM_PER_CPU": "500"}, 2000),
        ({"SLURM_MEM_PER_GPU": "500"}, 1000),
        ({"SLURM_MEM_PER_NODE": "9" * 50}, None),
        ({"SLURM_MEM_PER_NODE": "300", "SLURM_MEM_PER_CPU": "500"}, 300),
        ({"SLURM_MEM_PER_NODE": "3000", "SLURM_MEM_PER_CPU": "500"}, 2000),
    ],
)
def test_memory(environment: dict[str, str], size: int | None) -> None:
    """MiB of this node: as it is, or times CPUs or GPUs; 0 and damage are "not known"."""
    assert allocated_memory(environment, cpus=4, gpus=2) == size


@pytest.mark.parametrize("said", ["300", "30000"])
def test_the_controller_knows_which_memory_is_left_of_another_job(said: str) -> None:
    """Slurm sets one of the variables; with two, its own record of this node counts."""
    environment = {
        "SLURM_JOB_ID": "7",
        "SLURM_CPUS_ON_NODE": "2",
        "SLURM_MEM_PER_NODE": said,
        "SLURM_MEM_PER_CPU": "500",
    }
    shown = "     Nodes=n03 CPU_IDs=4-5 Mem=1000 GRES=\n"
    found = allocated_resources({**environment, "SLURMD_NODENAME": "n03"}, {4, 5}, lambda _: shown)
    assert found is not None
    assert found.memory == 1000


def test_the_whole_grant() -> None:
    """Pool and memory come together, one slot an id."""
    environment = {
        "SLURM_JOB_ID": "7",
        "SLURM_CPUS_ON_NODE": "1",
        "CUDA_VISIBLE_DEVICES": "0",
        "SLURM_MEM_PER_CPU": "100",
    }
    found = allocated_resources(environment, {3})
    assert found is not None
    assert found.memory == 100
    assert found.pool.resources == {"cpus": [{"id": "3", "slots": 1}], "gpus": [{"id": "0", "slots": 1}]}


def scontrol(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """Put a program named `scontrol` alone on PATH."""
    program = folder / "scontrol"
    program.write_text(f"#!{sys.executable}\n{body}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_scontrol_is_asked_with_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program's text comes back; its absence, failure, slowness or a strange job id give no text."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ask_scontrol("7") == ""
    scontrol(tmp_path, monkeypatch, "import sys; print(sys.argv[1:])")
    assert ask_scontrol("7") == "['show', '-d', 'job', '7']\n"
    assert ask_scontrol("7; rm") == ""
    scontrol(tmp_path, monkeypatch, "raise SystemExit('no such job')")
    assert ask_scontrol("7") == ""
    scontrol(tmp_path, monkeypatch, "import time; time.sleep(60)")
    monkeypatch.setattr(granted, "SCONTROL_SECONDS", 0.2)
    assert ask_scontrol("7") == ""


def test_slurm_lists() -> None:
    """The short forms are written out, with leading zeros where they were; damage gives nothing."""
    assert per_node("8(x2),4") == [8, 8, 4]
    assert per_node("8(x2") == []
    assert per_node("1(x999999)") == []
    assert numbers_of("0-3,8") == [0, 1, 2, 3, 8]
    assert numbers_of("3-1") == []
    assert numbers_of(f"0-{LONGEST}") == []
    assert nodes_of("n[1-2,08-10],login,x[3]-ib") == ["n1", "n2", "n08", "n09", "n10", "login", "x3-ib"]


def test_one_listed_node_is_this_one() -> None:
    """A job of one node needs no name to be found; one of several does."""
    assert cpu_ids_of_job("     Nodes=n1 CPU_IDs=2-3 Mem=1\n", "alias") == [2, 3]
    assert cpu_ids_of_job(SHOWN, "n2") == [0, 1, 2, 3, 8]
    assert cpu_ids_of_job(SHOWN, "other") == []


@given(st.lists(st.integers(0, 500), min_size=1, unique=True).map(sorted))
def test_ranges_are_read_back(numbers: list[int]) -> None:
    """Any set of numbers, written as ranges, is read as that set."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and parts[-1][1] == number - 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    text = ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)
    assert numbers_of(text) == numbers
    assert nodes_of(f"n[{text}]") == [f"n{number}" for number in numbers]


@given(st.text(alphabet="0123456789-,()x[]n "))
def test_any_text_is_read_without_an_error(text: str) -> None:
    """Damaged lists never raise."""
    per_node(text)
    numbers_of(text)
    nodes_of(text)
