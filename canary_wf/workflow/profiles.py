"""The text of the profiles beside the workflow."""

import importlib.util
import json
import shlex
import sys
from typing import Any

from canary_wf.plan.explanation.wording import gpus_of
from canary_wf.plan.model import Plan
from canary_wf.resources.detection import detect_memory, detect_pool
from canary_wf.shipped import shipped_folder
from canary_wf.workflow.snakefile import template_environment

PROFILES = ("local", "slurm", "slurm-sbatch")
LOGGER = "canary"
"""Snakemake's name for the logger plugin."""


def profile_files(plan: Plan) -> dict[str, str]:
    """Return the profiles' files by path relative to OUT."""
    environment = template_environment("profiles")
    values = _values(plan)
    return {
        f"{name}/config.yaml": environment.get_template(f"{name}/config.yaml.j2").render(values) for name in PROFILES
    }


def _values(plan: Plan) -> dict[str, Any]:
    script = shipped_folder("profiles") / "slurm-sbatch" / "queue-state.sh"
    submit = shlex.join([sys.executable, "-P", "-m", "canary_wf", "slurm-submit"])
    return {
        **_this_machine(plan),
        "slurm": plan.slurm,
        # Snakemake formats the submit command, so braces must be doubled.
        "submit": json.dumps(submit.replace("{", "{{").replace("}", "}}")),
        "status": json.dumps(shlex.join(["sh", str(script)])),
        "logger": LOGGER if importlib.util.find_spec(f"snakemake_logger_plugin_{LOGGER}") else None,
    }


def _this_machine(plan: Plan) -> dict[str, int | None]:
    """Return the cores, GPUs and MiB of the profile `local`: those planned with on this machine, never a cluster's."""
    if plan.scheduler == "slurm":
        found = detect_pool()
        return {"cpus": found.count("cpus"), "gpus": found.count("gpus"), "memory": detect_memory()}
    cpus = max(plan.node.get("cpus", 1), *(batch.cpus for batch in plan.batches)) if plan.batches else 1
    return {"cpus": cpus, "gpus": gpus_of(plan), "memory": plan.node.get("memory")}
