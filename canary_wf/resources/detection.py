"""Detecting this machine's CPUs, GPUs and memory, as far as this process may use them."""

import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from canary_wf.errors import UsageError
from canary_wf.resources.cgroup import MIB, cpu_quota, memory_limit
from canary_wf.resources.pool import ResourcePool
from canary_wf.resources.visible import MASKS, ZE, visible_gpus, visible_intel_gpus

_ROOT = Path("/")
_LIBRARIES = ("pynvml", "amdsmi")
_GPU_DEVICE = re.compile(r"nvidia[0-9]+")


def detect_pool(
    root: Path = _ROOT,
    environment: Mapping[str, str] = os.environ,
    *,
    query_libraries: bool = False,
) -> ResourcePool:
    """Return the pool of this machine: its CPUs and GPUs, with one slot each.

    Raises UsageError if the vendors' libraries are to be queried for GPUs and none is installed.
    """
    if query_libraries:
        _require_library()
    pool = ResourcePool()
    ids = {"cpus": detect_cpus(root), "gpus": detect_gpus(root, environment, query_libraries=query_libraries)}
    pool.fill({"resources": {rtype: [{"id": name, "slots": 1} for name in names] for rtype, names in ids.items()}})
    return pool


def detect_cpus(root: Path = _ROOT, affinity: Iterable[int] | None = None) -> list[str]:
    """Return the ids of the CPUs that this process may use: the operating system's numbers, as strings.

    These are the CPUs of the affinity (`affinity`, or else this process's), but no more than the whole CPUs in the CPU
    quota of the control group (at least one).
    """
    numbers = sorted(os.sched_getaffinity(0) if affinity is None else affinity)
    quota = cpu_quota(root)
    if quota is not None:
        numbers = numbers[: max(1, int(quota))]
    return [str(number) for number in numbers]


def origin_of_cpus(root: Path = _ROOT, affinity: Iterable[int] | None = None) -> str:
    """Return in words what determined the number of CPUs that `detect_cpus` finds."""
    number = len(list(os.sched_getaffinity(0) if affinity is None else affinity))
    machine = os.cpu_count() or number
    quota = cpu_quota(root)
    if quota is not None and max(1, int(quota)) < number:
        return f"the CPU quota of the control group, {quota:g} of {number} CPUs"
    if number < machine:
        return f"the CPUs that this process may run on (affinity), {number} of {machine}"
    return "all CPUs of this machine"


def origin_of_gpus(environment: Mapping[str, str] = os.environ, *, query_libraries: bool = False) -> str:
    """Return in words what determined the GPUs that `detect_gpus` finds."""
    masks = [name for name in MASKS if name in environment and name != ZE]
    if masks:
        return f"what {' and '.join(masks)} {'leaves' if len(masks) == 1 else 'leave'}"
    if ZE in environment:
        return f"NVIDIA's device files, else {ZE}"
    return "the vendor's library, else NVIDIA's device files" if query_libraries else "NVIDIA's device files"


def detect_memory(root: Path = _ROOT, total: int | None = None) -> int:
    """Return the usable memory in MiB: the machine's (`total` bytes) or the limit of the control group."""
    if total is None:
        import psutil

        total = psutil.virtual_memory().total
    limit = memory_limit(root)
    return total // MIB if limit is None else min(limit, total // MIB)


def detect_gpus(
    root: Path = _ROOT,
    environment: Mapping[str, str] = os.environ,
    *,
    query_libraries: bool = False,
    is_device: Callable[[Path], bool] = Path.is_char_device,
) -> list[str]:
    """Return the ids of this machine's GPUs.

    The variables that hide devices win. Otherwise, with `query_libraries`, the vendors' libraries are asked (NVIDIA's,
    then AMD's, if importable). Otherwise, or if they do not answer, NVIDIA's device files are counted. The devices in
    Intel's variable are used if no other vendor's GPUs are found.
    """
    visible = visible_gpus(environment)
    if visible is not None:
        return visible
    number = (_count_nvidia() or _count_amd()) if query_libraries else 0
    number = number or _count_devices(root / "dev", is_device)
    return [str(ordinal) for ordinal in range(number)] if number else visible_intel_gpus(environment) or []


def _require_library() -> None:
    """Raise UsageError if neither vendor's library is installed."""
    if all(name not in sys.modules and find_spec(name) is None for name in _LIBRARIES):
        raise UsageError(
            "neither NVIDIA's nor AMD's library is installed",
            where="--query-gpus",
            hint="install canary-wf[nvidia] or canary-wf[amd]",
        )


def _count_devices(folder: Path, is_device: Callable[[Path], bool]) -> int:
    try:
        return sum(1 for path in folder.iterdir() if _GPU_DEVICE.fullmatch(path.name) and is_device(path))
    except OSError:
        return 0


def _count_nvidia() -> int:
    try:
        pynvml = import_module("pynvml")  # by name, because it is not a dependency
        pynvml.nvmlInit()
        try:
            return int(pynvml.nvmlDeviceGetCount())
        finally:
            pynvml.nvmlShutdown()
    except Exception:  # noqa: BLE001 - the library may be missing or fail in many ways; then there is no GPU to use
        return 0


def _count_amd() -> int:
    try:
        amdsmi = import_module("amdsmi")
        amdsmi.amdsmi_init()
        try:
            return len(amdsmi.amdsmi_get_processor_handles())
        finally:
            amdsmi.amdsmi_shut_down()
    except Exception:  # noqa: BLE001 - the library may be missing or fail in many ways; then there is no GPU to use
        return 0
