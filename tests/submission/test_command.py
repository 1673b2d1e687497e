"""What `slurm-submit` makes of a job script of Snakemake's: every resource that it knows, and none that it drops."""

import json
from pathlib import Path
from typing import Any

import pytest

from canary_wf.errors import InputError
from canary_wf.submission.command import main, read_properties, sbatch_command

FIXED = {"cpus_per_task": 2, "nodes": 1}


def _options(**resources: Any) -> list[str]:  # noqa: ANN401 - any resource of a rule
    """Return the options that `resources` add to those that every batch has."""
    plain = sbatch_command({"rule": "r", "resources": FIXED}, Path("job.sh"))
    command = sbatch_command({"rule": "r", "resources": {**FIXED, **resources}}, Path("job.sh"))
    assert command[-1] == "job.sh"
    return [word for word in command if word not in plain]


@pytest.mark.parametrize(
    ("resources", "options"),
    [
        ({"runtime": 7, "mem_mb": 100}, ["--time=7", "--mem=100"]),
        ({"mem_mb": 0}, []),
        ({"mem_mb": 100, "mem_mb_per_cpu": 50}, ["--mem-per-cpu=50"]),
        ({"mem_mb": 101, "mem_mb_per_cpu": 50}, ["--mem=101"]),
        ({"mem_mb": 0, "mem_mb_per_cpu": 50}, ["--mem-per-cpu=50"]),
        ({"slurm_account": "lab", "reservation": "noon"}, ["--account=lab", "--reservation=noon"]),
        ({"gpu": 2}, ["--gpus=2"]),
        ({"gpu": 2, "gpu_model": "a100"}, ["--gpus=a100:2"]),
        ({"gpu": 0, "gpu_model": ""}, []),
        ({"gres": "gpu:2", "gpu_model": ""}, ["--gres=gpu:2"]),
        ({"slurm_extra": "--requeue --mail-user='a b'"}, ["--requeue", "--mail-user=a b"]),
    ],
)
def test_each_resource_becomes_an_option(resources: dict[str, Any], options: list[str]) -> None:
    """In the words of `sbatch`; of memory by CPU and that of the node, whatever is more."""
    assert _options(**resources) == options


@pytest.mark.parametrize(
    ("gpus", "model", "option"),
    [(8, "", "--gpus-per-node=4"), (8, "a100", "--gpus-per-node=a100:4"), (3, "", "--gpus=3")],
)
def test_each_of_several_nodes_gets_its_share_of_gpus(gpus: int, model: str, option: str) -> None:
    """Else Slurm may take six from one and two from the other."""
    found = sbatch_command({"resources": {"nodes": 2, "gpu": gpus, "gpu_model": model}}, Path("job.sh"))
    assert option in found
    assert {"--nodes=2", "--ntasks=2"} < set(found)


@pytest.mark.parametrize(
    ("resources", "told"),
    [
        ({"clusters": "far"}, "one cluster only"),
        ({"slurm_cluster": "far"}, "one cluster only"),
        ({"nodes": "2-4"}, "nodes: '2-4' is not a whole number"),
        ({"nodes": 0}, "nodes: 0 is not a whole number above zero"),
        ({"slurm_extra": "--x 'y"}, "cannot be split"),
        ({"mem_mb_per_cpu": "2G"}, "mem_mb_per_cpu: '2G' is not a whole number"),
    ],
)
def test_what_it_cannot_do_is_told_and_not_dropped(resources: dict[str, Any], told: str) -> None:
    """Another cluster's jobs could not be asked after."""
    with pytest.raises(InputError, match=told) as raised:
        sbatch_command({"rule": "r", "resources": resources}, Path("job.sh"))
    assert "profile" in str(raised.value)


def test_a_script_that_snakemake_did_not_write_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In one line, with the exit code that Snakemake takes for a refusal."""
    script = tmp_path / "job.sh"
    script.write_text("#!/bin/sh\n# properties = {broken}\n")
    assert main([str(script)]) == 1
    assert "is not a job script of Snakemake" in capsys.readouterr().err
    script.write_text(f"#!/bin/sh\n# properties = {json.dumps({'rule': 'r'})}\n")
    assert read_properties(script) == {"rule": "r"}
