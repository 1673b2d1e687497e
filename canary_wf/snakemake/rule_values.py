"""What the rules of a generated workflow ask of the running Snakemake: Python, resources, and whether to run here.

The profiles set resources as defaults, which users can edit there. A ``--default-resources`` on the command line
replaces all defaults of a profile, and a parent workflow has its own profile; the rules then request what is missing.

A plan for cluster nodes runs on another machine only if the user permits it. Otherwise a login node would run the whole
suite, with the CPUs and GPUs of a cluster node.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from canary_wf.errors import CanaryWfError
from canary_wf.snakemake.quiet_errors import REFUSED

IN_CONTAINER = "python3"
"""The command for Python in an image, in which canary-wf must be installed."""

ALLOW_LOCAL = "CANARY_WF_ALLOW_LOCAL"
"""The variable that permits batches planned for cluster nodes to run on this machine, if set to 1."""

REMEDY = (
    "run snakemake --profile slurm, or plan for this machine with canary-wf generate -b scheduler=local"
    f" ({ALLOW_LOCAL}=1 runs it here all the same)"
)


def python_for(workflow: Any) -> str:  # noqa: ANN401 - Snakemake's workflow, which has no public type
    """Return the Python for rules with a container; `workflow` uses containers with `--sdm apptainer`."""
    from snakemake.settings.types import DeploymentMethod  # type: ignore[import-untyped]

    used = DeploymentMethod.APPTAINER in workflow.deployment_settings.deployment_method
    return IN_CONTAINER if used else sys.executable


def site_resources(workflow: Any, **requested: str) -> dict[str, str]:  # noqa: ANN401 - see above
    """Return those `requested` resources for which `workflow` has no default."""
    defaults = workflow.resource_settings.default_resources or ()
    return {name: value for name, value in requested.items() if name not in defaults}


def slurms_memory(workflow: Any) -> dict[str, int]:  # noqa: ANN401 - see above
    """Return a request for no memory if otherwise Snakemake would request some; Slurm's default then applies.

    With ``--default-resources`` Snakemake requests 1 to 8 GB, by a formula that it does not write on command lines.
    """
    defaults = workflow.resource_settings.default_resources
    if defaults is None or "mem_mb" not in defaults or any(word.startswith("mem_mb=") for word in defaults.args):
        return {}
    return {"mem_mb": 0}


def submitted_option(workflow: Any) -> str:  # noqa: ANN401 - see above
    """Return the option that tells `run-batch` that a scheduler started it, which is so if this process has one job."""
    return "--submitted" if workflow.remote_exec else ""


def is_allowed_here(environment: Mapping[str, str]) -> bool:
    """Return whether `environment` permits a plan for cluster nodes to run on this machine."""
    return environment.get(ALLOW_LOCAL, "") not in {"", "0"}


def require_permission(where: str, environment: Mapping[str, str]) -> None:
    """Raise CanaryWfError for `where`, which was planned for cluster nodes, unless `environment` permits it here."""
    if not is_allowed_here(environment):
        what = "was planned for Slurm nodes, and this machine is not one of them"
        raise CanaryWfError(what, where=where, hint=REMEDY)


def plan_here(workflow: Any, plan: str, environment: Mapping[str, str] = os.environ) -> str:  # noqa: ANN401 - see above
    """Return `plan`, the path of a plan for cluster nodes, if `workflow` may run it; the first request of each rule.

    A dry run, `--touch`, and commands that only read (`--summary`, `--report`) run nothing. Processes that run single
    jobs of another Snakemake are on a node, and so is a process that Slurm started: a job that contains
    `snakemake --profile local` runs in its own allocation. In all other cases on this machine the reason is shown, even
    with --quiet, and Snakemake's WorkflowError is raised.
    """
    runs_here = workflow.executor_plugin is not None and workflow.local_exec and workflow.is_main_process
    if not runs_here or workflow.dryrun or workflow.touch:
        return plan
    if environment.get("SLURM_JOB_ID") and environment.get("SLURMD_NODENAME"):
        return plan
    try:
        require_permission(str(Path(plan).parents[3]), environment)
    except CanaryWfError as error:
        from snakemake_interface_common.exceptions import WorkflowError

        sys.stderr.write(f"canary-wf: {error}\n")
        raise WorkflowError(REFUSED) from None
    return plan
