"""Which GPUs the environment leaves visible, and the variables that show a process its own.

Facts: NVIDIA's libraries read CUDA_VISIBLE_DEVICES. AMD's read ROCR_VISIBLE_DEVICES first; HIP_VISIBLE_DEVICES, or
CUDA_VISIBLE_DEVICES in its place, and GPU_DEVICE_ORDINAL (OpenCL) count in what the first one leaves (ROCm's manual,
"GPU isolation"). Intel's read ZE_AFFINITY_MASK. Slurm sets several of them to one list, whatever the vendor.
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
    """Return the ids of a comma-separated list, each once; the list ends at the first -1 as it does for CUDA."""
    ids: dict[str, None] = {}
    for part in text.split(","):
        name = part.strip()
        if name.lower() in _NONE or name == "-1":
            break
        ids[name] = None
    return list(ids)


def visible_gpus(environment: Mapping[str, str]) -> list[str] | None:
    """Return the ids that the variables of NVIDIA and AMD leave, [] if they leave none, None if none of them is set.

    An empty list says nothing of the other vendor's devices. Where it is not clear whose the devices are, those are
    left that all lists have.
    """
    lists = {name: device_ids(environment[name]) for name in (CUDA, ROCR, HIP, ORDINAL) if name in environment}
    if not lists:
        return None
    cuda, first = lists.get(CUDA), lists.get(ROCR)
    further = [lists[name] for name in (HIP, ORDINAL) if name in lists]
    if not first:
        given = [each for each in (cuda, *further) if each]
        is_named = cuda is not None and any(not name.isdecimal() for name in cuda)  # by UUID, as only NVIDIA's are here
        return (cuda if is_named else _in_all(given)) if given else []
    if cuda and HIP not in lists:
        further.insert(0, cuda)
    left = _in_all([_counted_in(first, each) for each in further] or [first])
    return cuda if cuda and not left and further == [cuda] else left


def _in_all(lists: Sequence[list[str]]) -> list[str]:
    """Return what is in all `lists`, in the order of the last one."""
    *others, last = lists
    return [name for name in last if all(name in other for other in others)]


def _counted_in(first: list[str], further: list[str]) -> list[str]:
    """Return those of `first` that `further` chooses, by place or by name; it ends at the first that is not there."""
    if further == first:  # as Slurm sets them
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
    """Return the devices, or tiles of devices such as ``0.1``, that Intel's variable names, None if it is not set."""
    return device_ids(environment[ZE]) if ZE in environment else None


def vendor_of(environment: Mapping[str, str], root: Path = Path("/")) -> Vendor | None:
    """Return whose GPUs a process with `environment` is to use on this machine, None where it could be several's."""
    if CUDA not in environment and (ROCR in environment or HIP in environment):
        return "amd"
    # Strings, as each batch's runner asks.
    nvidia, amd = (os.path.exists(f"{root}/dev/{name}") for name in ("nvidiactl", "kfd"))  # noqa: PTH110
    if nvidia != amd:
        return "nvidia" if nvidia else "amd"
    if not nvidia and ZE in environment and CUDA not in environment:
        return "intel"
    return None


def mask_variables(ids: Sequence[str], vendor: Vendor | None) -> dict[str, str | None]:
    """Return the variables that show a process the GPUs `ids` and no other; None is one that must not be set.

    `vendor` is whose they are; where that is not known, all vendors' variables say it, each in its own way.
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
    # With HIP's list there, AMD's libraries do not look at CUDA's.
    is_intel = all(part.isdecimal() for name in ids for part in name.split(".", 1))
    return {CUDA: named, **amd, **({ZE: named} if is_intel else {})}
