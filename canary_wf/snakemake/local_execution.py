"""Whether this machine may run the batches of a plan: one for cluster nodes runs elsewhere only where the user says so.

Otherwise a login node would run the whole suite, with the CPUs and GPUs of a cluster node.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from canary_wf.errors import CanaryWfError
from canary_wf.snakemake.quiet_errors import REFUSED

ALLOW_LOCAL = "CANARY_WF_ALLOW_LOCAL"
"""Set to 1, this variable says that batches planned for cluster nodes shall run on this machine."""

REMEDY = (
    "run snakemake --profile slurm, or plan for this machine with canary-wf generate -b scheduler=local"
    f" ({ALLOW_LOCAL}=1 runs it here all the same)"
)


def is_allowed_here(environment: Mapping[str, str]) -> bool:
    """Return whether `environment` says so."""
    return environment.get(ALLOW_LOCAL, "") not in {"", "0"}


def require_permission(where: str, environment: Mapping[str, str]) -> None:
    """Raise CanaryWfError for `where`, which was planned for cluster nodes, unless `environment` allows it here."""
    if not is_allowed_here(environment):
        what = "was planned for Slurm nodes, and this machine is not one of them"
        raise CanaryWfError(what, where=where, hint=REMEDY)


def plan_here(workflow: Any, plan: str, environment: Mapping[str, str] = os.environ) -> str:  # noqa: ANN401 - Snakemake's workflow, which has no public type
    """Return `plan`, the path of one for cluster nodes, when `workflow` may run it: what a batch's rule asks for first.

    A dry run, `--touch`, and what only looks (`--summary`, `--report`) run nothing, and processes that run single jobs
    of another Snakemake are on a node. So is one that Slurm started, such as a job that holds
    `snakemake --profile local`: it runs in what that job was granted. For all others on this machine the reason is
    shown, with --quiet too, and Snakemake's WorkflowError is raised.
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


def submitted_option(workflow: Any) -> str:  # noqa: ANN401 - see above
    """Return the option by which `run-batch` knows that a scheduler started it: this process has one job."""
    return "--submitted" if workflow.remote_exec else ""
