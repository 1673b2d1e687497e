"""The profiles beside the workflow: valid YAML with the settings that matter, and never a default one."""

import shlex
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from factories import plan_of, spec

from canary_wf.plan.cluster.slurm_options import SlurmOptions
from canary_wf.plan.model import Plan
from canary_wf.workflow.profiles import profile_files


def _profiles(plan: Plan) -> dict[str, dict[str, Any]]:
    return {name: yaml.safe_load(text) for name, text in profile_files(plan).items()}


def test_there_is_a_profile_for_each_scheduler_and_no_default() -> None:
    """`profiles/default` would win over --profile."""
    assert set(profile_files(plan_of([spec("a")]))) == {
        "local/config.yaml",
        "slurm/config.yaml",
        "slurm-sbatch/config.yaml",
    }


@pytest.mark.parametrize("name", ["local/config.yaml", "slurm/config.yaml", "slurm-sbatch/config.yaml"])
def test_the_settings_that_matter_stand_in_all(name: str) -> None:
    """Results are files, what can run runs, and a crash is picked up."""
    profile = _profiles(plan_of([spec("a")]))[name]
    assert profile["scheduler"] == "greedy"
    assert profile["keep-going"] is True
    assert profile["rerun-incomplete"] is True
    assert profile["rerun-triggers"] == ["mtime", "input"]
    assert profile["latency-wait"] > 0


def test_the_local_profile_offers_what_the_node_has() -> None:
    """Cores, GPUs under the name that Snakemake's rules use, and memory where it is known."""
    plan = plan_of([spec("a")], cpus=8, gpus=2)
    profile = _profiles(plan)["local/config.yaml"]
    assert (profile["cores"], profile["resources"]) == (8, {"gpu": 2})
    known = msgspec.structs.replace(plan, node={**plan.node, "memory": 500})
    assert _profiles(known)["local/config.yaml"]["resources"] == {"gpu": 2, "mem_mb": 500}


def test_the_slurm_profile_submits() -> None:
    """It names the executor; one-node batches stay on one node."""
    profile = _profiles(plan_of([spec("a")], scheduler="slurm"))["slurm/config.yaml"]
    assert profile["executor"] == "slurm"
    assert profile["jobs"] > 1
    assert profile["default-resources"]["nodes"] == 1


@pytest.mark.parametrize("name", ["slurm/config.yaml", "slurm-sbatch/config.yaml"])
def test_what_the_site_wants_stands_in_the_profiles(name: str) -> None:
    """As text in quotes, which Snakemake would else evaluate; what was not said is a comment."""
    options = SlurmOptions(account="lab", partition="a,b", constraint="ib&big", gpu_model="a100")
    plan = msgspec.structs.replace(plan_of([spec("a")], scheduler="slurm"), slurm=options)
    assert _profiles(plan)[name]["default-resources"] == {
        "slurm_account": '"lab"',
        "slurm_partition": '"a,b"',
        "constraint": '"ib&big"',
        "gpu_model": '"a100"',
        "nodes": 1,
        "mem_mb": 0,
    }
    assert _profiles(plan_of([spec("a")]))[name]["default-resources"] == {"nodes": 1, "mem_mb": 0}


def test_one_query_serves_all_jobs() -> None:
    """The profile for plain sbatch asks through the script that keeps a list."""
    profile = _profiles(plan_of([spec("a")]))["slurm-sbatch/config.yaml"]
    assert profile["executor"] == "cluster-generic"
    assert shlex.split(profile["cluster-generic-submit-cmd"])[-2:] == ["canary_wf", "slurm-submit"]
    script = Path(shlex.split(profile["cluster-generic-status-cmd"])[1])
    assert script.is_file()
    assert profile["max-status-checks-per-second"] >= 1000
