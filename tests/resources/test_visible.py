"""What hides GPUs: what the caller excluded stays excluded, and each job's program finds the device it was given."""

from pathlib import Path

import pytest

from canary_wf.resources.visible import mask_variables, vendor_of, visible_gpus, visible_intel_gpus

HERE = Path("/nowhere")


def hip(environment: dict[str, str | None], machine: list[str]) -> list[str]:
    """Return what a HIP program runs on: ROCR's list first, then HIP's, or else CUDA's, as places in what is left."""
    devices = machine
    if (first := environment.get("ROCR_VISIBLE_DEVICES")) is not None:
        devices = [device for device in first.split(",") if device in machine]
    second = environment.get("HIP_VISIBLE_DEVICES") or environment.get("CUDA_VISIBLE_DEVICES")
    if second is None:
        return devices
    return [devices[int(place)] for place in second.split(",") if place.isdigit() and int(place) < len(devices)]


def cuda(environment: dict[str, str | None], machine: list[str]) -> list[str]:
    """Return what a CUDA program runs on."""
    found = environment.get("CUDA_VISIBLE_DEVICES")
    return machine if found is None else [device for device in found.split(",") if device in machine]


@pytest.mark.parametrize("ids", [["0"], ["1"], ["3", "1"], ["0", "1", "2", "3"], []])
def test_a_program_of_every_vendor_finds_its_devices(ids: list[str]) -> None:
    """Also where it is not known whose they are; without ids none is visible."""
    machine = ["0", "1", "2", "3"]
    caller = {"GPU_DEVICE_ORDINAL": "2"}
    for masks in (mask_variables(ids, "amd"), mask_variables(ids, None)):
        assert hip({**caller, **masks}, machine) == ids
    for masks in (mask_variables(ids, "nvidia"), mask_variables(ids, None)):
        assert cuda({**caller, **masks}, machine) == ids
    assert mask_variables(ids, None).get("GPU_DEVICE_ORDINAL") is None
    assert mask_variables(ids, None).get("ZE_AFFINITY_MASK") == (",".join(ids) or None)


def test_names_of_devices_and_tiles() -> None:
    """UUIDs and MIG names are NVIDIA's, and AMD's in part; ``0.1`` is the second tile of Intel's first GPU."""
    assert mask_variables(["MIG-1/2/0"], "nvidia")["CUDA_VISIBLE_DEVICES"] == "MIG-1/2/0"
    assert "ZE_AFFINITY_MASK" not in mask_variables(["GPU-5a"], None)
    amd = {"ROCR_VISIBLE_DEVICES": "GPU-5a", "HIP_VISIBLE_DEVICES": "0", "CUDA_VISIBLE_DEVICES": "0"}
    assert mask_variables(["GPU-5a"], "amd") == {**amd, "GPU_DEVICE_ORDINAL": None}
    assert mask_variables(["0.1", "1"], "intel")["ZE_AFFINITY_MASK"] == "0.1,1"
    assert visible_intel_gpus({"ZE_AFFINITY_MASK": "0.1,1"}) == ["0.1", "1"]


@pytest.mark.parametrize(
    ("variables", "left"),
    [
        ("HIP=2,3", ["2", "3"]),
        ("ORDINAL=1", ["1"]),
        ("HIP=", []),
        ("HIP=-1", []),
        ("ROCR=2,3 HIP=1", ["3"]),
        ("ROCR=2,3 HIP=0,1", ["2", "3"]),
        ("ROCR=2,3 HIP=", []),
        ("ROCR=2,3 HIP=5", []),
        ("ROCR=2,3 CUDA=1", ["3"]),
        ("ROCR=2,3 CUDA=0 HIP=1", ["3"]),
        ("ROCR=2,3 CUDA=2,3", ["2", "3"]),
        ("ROCR=2,3 CUDA=2,3 ORDINAL=2,3", ["2", "3"]),
        ("ROCR=0,1,2 HIP=0,2 ORDINAL=1,2", ["2"]),
        ("ROCR=GPU-a,GPU-b HIP=1", ["GPU-b"]),
        ("ROCR=GPU-a,GPU-b HIP=GPU-a", ["GPU-a"]),
        ("CUDA=0,1 HIP=1,2", ["1"]),
        ("CUDA=GPU-a HIP=0", ["GPU-a"]),
        ("CUDA=0,1 HIP=", ["0", "1"]),
        ("CUDA=1 ROCR=2", ["1"]),
        ("CUDA= ROCR=2", ["2"]),
        ("CUDA= ROCR=", []),
        ("", None),
    ],
)
def test_what_the_caller_left_visible(variables: str, left: list[str] | None) -> None:
    """AMD's later lists count in what the first one leaves; a list that Slurm sets for all vendors counts once."""
    names = {"CUDA": "CUDA_VISIBLE_DEVICES", "ROCR": "ROCR_VISIBLE_DEVICES", "HIP": "HIP_VISIBLE_DEVICES"}
    names["ORDINAL"] = "GPU_DEVICE_ORDINAL"
    pairs = (word.partition("=") for word in variables.split())
    assert visible_gpus({names[name]: value for name, _, value in pairs}) == left


def test_whose_gpus_there_are(tmp_path: Path) -> None:
    """By the variables, else by the drivers' devices."""
    assert vendor_of({"ROCR_VISIBLE_DEVICES": "0"}, HERE) == vendor_of({"HIP_VISIBLE_DEVICES": "0"}, HERE) == "amd"
    assert vendor_of({"CUDA_VISIBLE_DEVICES": "0", "ROCR_VISIBLE_DEVICES": "0"}, HERE) is None
    assert vendor_of({"ZE_AFFINITY_MASK": "0"}, HERE) == "intel"
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/kfd").touch()
    assert vendor_of({"CUDA_VISIBLE_DEVICES": "0"}, tmp_path) == "amd"
    (tmp_path / "dev/nvidiactl").touch()
    assert vendor_of({"CUDA_VISIBLE_DEVICES": "0"}, tmp_path) is None
    (tmp_path / "dev/kfd").unlink()
    assert vendor_of({}, tmp_path) == "nvidia"
