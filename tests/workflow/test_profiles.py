"""The profiles beside the workflow: valid YAML with the settings that matter, and never a default one."""

from typing import Any

import msgspec
import pytest
import yaml
from factories import plan_of, spec

from canary_wf.plan.model import Plan
from canary_wf.workflow.profiles import profile_files


def _profiles(plan: Plan) -> dict[str, dict[str, Any]]:
    return {name: yaml.safe_load(text) for name, text in profile_files(plan).items()}


def test_there_is_a_profile_for_each_scheduler_and_no_default() -> None:
    """`profiles/default` would win over --profile."""
    assert set(profile_files(plan_of([spec("a")]))) == {"local/config.yaml", "slurm/config.yaml"}


@pytest.mark.parametrize("name", ["local/config.yaml", "slurm/config.yaml"])
def test_the_settings_that_matter_stand_in_both(name: str) -> None:
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
