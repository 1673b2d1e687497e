"""What a machine has, read from a made-up root folder and environment."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from canary_wf.errors import UsageError
from canary_wf.resources.cgroup import cpu_quota, memory_limit
from canary_wf.resources.detection import (
    detect_cpus,
    detect_gpus,
    detect_memory,
    detect_pool,
    origin_of_cpus,
    origin_of_gpus,
)
from canary_wf.resources.visible import device_ids, visible_gpus

MIB = 1024 * 1024


def machine(root: Path, files: dict[str, str]) -> Path:
    """Write the files under `root` and return it."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")
    return root


def test_cpus_are_those_of_the_affinity(tmp_path: Path) -> None:
    """Without a control group the ids are the operating system's numbers, sorted, as text."""
    assert detect_cpus(tmp_path, {11, 2, 5}) == ["2", "5", "11"]
    assert detect_cpus(tmp_path) == [str(number) for number in sorted(os.sched_getaffinity(0))]


def test_quota_of_version_2(tmp_path: Path) -> None:
    """The least quota of the whole chain of groups counts, in whole CPUs but at least one."""
    root = machine(
        tmp_path,
        {
            "proc/self/cgroup": "0::/user/job\n",
            "sys/fs/cgroup/user/job/cpu.max": "max 100000\n",
            "sys/fs/cgroup/user/cpu.max": "250000 100000\n",
            "sys/fs/cgroup/cpu.max": "800000 100000\n",
            "sys/fs/cgroup/user/job/memory.max": "max\n",
            "sys/fs/cgroup/user/memory.max": f"{300 * MIB}\n",
        },
    )
    assert cpu_quota(root) == 2.5
    assert detect_cpus(root, range(8)) == ["0", "1"]
    assert memory_limit(root) == 300
    assert detect_memory(root, 1000 * MIB) == 300
    assert detect_memory(root, 200 * MIB) == 200
    machine(root, {"sys/fs/cgroup/user/cpu.max": "10000 100000\n"})
    assert detect_cpus(root, range(8)) == ["0"]


def test_quota_of_version_1(tmp_path: Path) -> None:
    """Version 1 has a folder for each controller; -1 and numbers near 2**63 mean no limit."""
    root = machine(
        tmp_path,
        {
            "proc/self/cgroup": "4:memory:/job\n3:cpu,cpuacct:/job\n2:cpuset:/\n0::/\n",
            "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us": "300000\n",
            "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/job/memory.limit_in_bytes": "9223372036854771712\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{64 * MIB}\n",
        },
    )
    assert cpu_quota(root) == 3.0
    assert memory_limit(root) == 64


@pytest.mark.parametrize("text", ["", "0::/../other\n", "junk\n", "0::/a\n"])
def test_no_or_strange_groups(tmp_path: Path, text: str) -> None:
    """Missing files, groups outside the namespace and damaged lines mean no limit, never an error."""
    root = machine(
        tmp_path, {"proc/self/cgroup": text, "sys/fs/cgroup/a/cpu.max": "x y\n", "sys/fs/other/cpu.max": "1 1"}
    )
    assert cpu_quota(root) is None
    assert memory_limit(root) is None
    assert detect_memory(root, 5 * MIB) == 5


def test_this_machine_has_cpus_and_memory() -> None:
    """On the real machine detection gives at least one CPU and some memory."""
    assert detect_pool().count("cpus") >= 1
    assert detect_memory() > 0


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("0,1", ["0", "1"]),
        (" 2 , 3,", ["2", "3"]),
        ("GPU-8f1c,MIG-GPU-8f1c/1/0", ["GPU-8f1c", "MIG-GPU-8f1c/1/0"]),
        ("0,-1,2", ["0"]),
        ("1,1", ["1"]),
        ("", []),
        ("NoDevFiles", []),
        ("-1", []),
    ],
)
def test_lists_of_devices(text: str, ids: list[str]) -> None:
    """Numbers, UUIDs and MIG names are ids; empty, NoDevFiles and -1 mean none."""
    assert device_ids(text) == ids


def test_visible_devices() -> None:
    """NVIDIA's variable comes before AMD's; empty ones say "none", unset ones nothing."""
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": "1", "ROCR_VISIBLE_DEVICES": "2"}) == ["1"]
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": "", "ROCR_VISIBLE_DEVICES": "2"}) == ["2"]
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": ""}) == []
    assert visible_gpus({}) is None


def test_device_files_are_counted(tmp_path: Path) -> None:
    """Only /dev/nvidia and a number is a GPU, and only if it is a device; the environment wins over them."""
    root = machine(
        tmp_path, {f"dev/{name}": "" for name in ("nvidia0", "nvidia1", "nvidia10", "nvidiactl", "nvidia-uvm")}
    )
    assert detect_gpus(root, {}, is_device=Path.is_file) == ["0", "1", "2"]
    assert detect_gpus(root, {}) == []
    assert detect_gpus(root, {"CUDA_VISIBLE_DEVICES": ""}, is_device=Path.is_file) == []
    assert detect_gpus(root, {"ROCR_VISIBLE_DEVICES": "7"}, is_device=Path.is_file) == ["7"]
    assert detect_pool(root, {"CUDA_VISIBLE_DEVICES": "7"}).resources["gpus"] == [{"id": "7", "slots": 1}]


def fake(monkeypatch: pytest.MonkeyPatch, name: str, functions: Mapping[str, object]) -> None:
    """Put a module with these functions in the place of a vendor's library."""
    module = ModuleType(name)
    vars(module).update(functions)
    monkeypatch.setitem(sys.modules, name, module)


def nothing() -> None:
    """Do nothing, as a library's start and end."""


def test_libraries_are_asked_only_on_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NVIDIA's library is asked first, then AMD's; neither without the argument."""
    amd = {"amdsmi_init": nothing, "amdsmi_shut_down": nothing, "amdsmi_get_processor_handles": lambda: [1, 2, 3]}
    nvidia = {"nvmlInit": nothing, "nvmlShutdown": nothing, "nvmlDeviceGetCount": lambda: 2}
    fake(monkeypatch, "amdsmi", amd)
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert detect_gpus(tmp_path, {}) == []
    assert detect_gpus(tmp_path, {}, query_libraries=True) == ["0", "1", "2"]
    fake(monkeypatch, "pynvml", nvidia)
    assert detect_gpus(tmp_path, {}, query_libraries=True) == ["0", "1"]


def test_a_failing_library_means_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that cannot start, or is not there, leaves the device files to be counted."""

    def fail() -> None:
        raise OSError("no driver")

    fake(monkeypatch, "pynvml", vars(SimpleNamespace(nvmlInit=fail)))
    monkeypatch.setitem(sys.modules, "amdsmi", None)
    root = machine(tmp_path, {"dev/nvidia3": ""})
    assert detect_gpus(root, {}, query_libraries=True, is_device=Path.is_file) == ["0"]


def test_asking_for_libraries_that_are_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the extras to install; nobody is left to believe that there are no GPUs."""
    monkeypatch.setattr("canary_wf.resources.detection._LIBRARIES", ("no_such_library_a", "no_such_library_b"))
    with pytest.raises(UsageError, match=r"canary-wf\[nvidia\]"):
        detect_pool(query_libraries=True)


def test_what_decided_the_numbers_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quota below the affinity, an affinity below the machine, or neither; for GPUs the variables that are set."""
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert origin_of_cpus(tmp_path, range(8)) == "all CPUs of this machine"
    assert origin_of_cpus(tmp_path, range(3)).endswith("(affinity), 3 of 8")
    root = machine(tmp_path, {"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/cpu.max": "150000 100000\n"})
    assert origin_of_cpus(root, range(8)) == "the CPU quota of the control group, 1.5 of 8 CPUs"
    assert origin_of_cpus(root, range(1)).endswith("(affinity), 1 of 8")
    assert origin_of_gpus({}) == "NVIDIA's device files"
    assert origin_of_gpus({"HIP_VISIBLE_DEVICES": "1"}) == "what HIP_VISIBLE_DEVICES leaves"
