"""Which GPUs are visible in an environment, and the variables that show a process its own GPUs.

Sources: NVIDIA's libraries read CUDA_VISIBLE_DEVICES. AMD's read ROCR_VISIBLE_DEVICES first; HIP_VISIBLE_DEVICES, or
else CUDA_VISIBLE_DEVICES, and GPU_DEVICE_ORDINAL (OpenCL) then select from what remains (ROCm's manual, "GPU
isolation"). Intel's read ZE_AFFINITY_MASK. Slurm sets several of them to one list, whatever the vendor.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

Vendor = Literal["nvidia", "amd", "intel"]

CUDA, ROCR, HIP = "CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"
ORDINAL, ZE = "GPU_DEVICE_ORDINAL", "ZE_AFFINITY_MASK"

MASKS = (CUDA, ROCR, HIP, ORDINAL, ZE)
"""All variables that hide GPUs from a process."""

_NONE = frozenset({"", "nodevfiles", "none", "void"})


def device_ids(text: str) -> list[str]:
    """Return the ids of a comma-separated list, each once; like CUDA, the list ends at the first -1."""
    ids: dict[str, None] = {}
    for part in text.split(","):
        name = part.strip()
        if name.lower() in _NONE or name == "-1":
            break
        ids[name] = None
    return list(ids)


def visible_gpus(environment: Mapping[str, str]) -> list[str] | None:
    """Return the ids that the variables of NVIDIA and AMD leave visible, [] for none, None if no variable is set.

    An empty list says nothing about the other vendor's devices. If the vendor is unclear, the result has the devices
    that are in all lists.
    """
    lists = {name: device_ids(environment[name]) for name in (CUDA, ROCR, HIP, ORDINAL) if name in environment}
    if not lists:
        return None
    cuda, first = lists.get(CUDA), lists.get(ROCR)
    further = [lists[name] for name in (HIP, ORDINAL) if name in lists]
    if not first:
        nonempty = [each for each in (cuda, *further) if each]
        is_named = cuda is not None and any(not name.isdecimal() for name in cuda)  # by UUID, as only NVIDIA's are here
        return (cuda if is_named else _in_all(nonempty)) if nonempty else []
    if cuda and HIP not in lists:
        further.insert(0, cuda)
    left = _in_all([_counted_in(first, each) for each in further] or [first])
    return cuda if cuda and not left and further == [cuda] else left


def _in_all(lists: Sequence[list[str]]) -> list[str]:
    """Return the elements that are in all `lists`, in the order of the last one."""
    *others, last = lists
    return [name for name in last if all(name in other for other in others)]


def _counted_in(first: list[str], further: list[str]) -> list[str]:
    """Return the elements of `first` that `further` selects, by index or name, up to the first invalid one."""
    if further == first:  # Slurm sets them so
        return first
    found: list[str] = []
    for name in further:
        if name.isascii() and name.isdecimal() and int(name) < len(first):
            found.append(first[int(name)])
        elif name in first and not name.isdecimal():
            found.append(name)
        else:
            break
    return found


def visible_intel_gpus(environment: Mapping[str, str]) -> list[str] | None:
    """Return the devices, or tiles of devices such as ``0.1``, in Intel's variable; None if it is not set."""
    return device_ids(environment[ZE]) if ZE in environment else None


def vendor_of(environment: Mapping[str, str], root: Path = Path("/")) -> Vendor | None:
    """Return the vendor of the GPUs for a process with `environment` on this machine; None if it is unclear."""
    if CUDA not in environment and (ROCR in environment or HIP in environment):
        return "amd"
    # Strings, because each batch's runner calls this.
    nvidia, amd = (os.path.exists(f"{root}/dev/{name}") for name in ("nvidiactl", "kfd"))  # noqa: PTH110
    if nvidia != amd:
        return "nvidia" if nvidia else "amd"
    if not nvidia and ZE in environment and CUDA not in environment:
        return "intel"
    return None


def mask_variables(ids: Sequence[str], vendor: Vendor | None) -> dict[str, str | None]:
    """Return the variables that show a process only the GPUs `ids`; a variable that is None must not be set.

    If the `vendor` is unknown, the variables of all vendors are set, each in its own way.
    """
    if not ids:
        return {CUDA: "", ROCR: "", HIP: None}
    named = ",".join(ids)
    counted = ",".join(str(number) for number in range(len(ids)))
    if vendor == "nvidia":
        return {CUDA: named, ROCR: None, HIP: None, ORDINAL: None}
    amd = {ROCR: named, HIP: counted, ORDINAL: None}
    if vendor == "amd":
        return {CUDA: counted, **amd}
    # If HIP's list is set, AMD's libraries ignore CUDA's.
    is_intel = all(part.isdecimal() for name in ids for part in name.split(".", 1))
    return {CUDA: named, **amd, **({ZE: named} if is_intel else {})}
