"""The text of the profiles that stand beside the workflow."""

from canary_wf.plan.model import Plan
from canary_wf.workflow.snakefile import template_environment

PROFILES = ("local", "slurm")


def profile_files(plan: Plan) -> dict[str, str]:
    """Return the profiles' files by path relative to OUT."""
    environment = template_environment("profiles")
    cpus = max(plan.node.get("cpus", 1), *(batch.cpus for batch in plan.batches)) if plan.batches else 1
    values = {"cpus": cpus, "gpus": plan.node.get("gpus", 0), "memory": plan.node.get("memory")}
    return {
        f"{name}/config.yaml": environment.get_template(f"{name}/config.yaml.j2").render(values) for name in PROFILES
    }
