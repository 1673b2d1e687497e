"""Preparing the submitting process: removing variables that would override the plan, and putting our `sbatch` first.

Sources: the sections "INPUT ENVIRONMENT VARIABLES" and "OUTPUT ENVIRONMENT VARIABLES" of Slurm's manuals.
"""

import os
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

from canary_wf.submission.search_path import prepend_wrappers

_KEPT = frozenset(
    f"SBATCH_{name}"
    for name in (
        *("ACCOUNT", "ACCTG_FREQ", "BURST_BUFFER", "CPU_FREQ_REQ", "DEBUG", "DELAY_BOOT", "GET_USER_ENV", "NETWORK"),
        *("NO_REQUEUE", "POWER", "PROFILE", "QOS", "REQUEUE", "RESERVATION", "SIGNAL", "WCKEY"),
    )
)
"""Variables for accounting, permissions and monitoring; none changes what a batch gets or where it runs."""

_OF_AN_ALLOCATION = re.compile(
    r"SLURMD_NODENAME|SLURM_(?:JOB|JOBID|JOB_.*|STEP.*|ARRAY_.*|HET_.*|PACK_.*|NTASKS.*|NPROCS|NNODES|NODEID"
    r"|NODELIST|NODE_.*|PROCID|LOCALID|GTIDS|CPUS_.*|CPU_.*|MEM_.*|GPUS.*|GPU_.*|GRES.*|TRES_.*|NTRES.*|TASKS_PER_NODE|TASK_PID|TASK_.*"
    r"|TOPOLOGY_.*|SUBMIT_.*|PRIO_PROCESS|RESTART_COUNT|DISTRIBUTION|LAUNCH_NODE_IPADDR|SRUN_.*|SCRIPT_CONTEXT"
    r"|CLUSTER_NAME|WORKING_CLUSTER|HINT|WHOLE|EXCLUSIVE|OVERCOMMIT|OVERLAP|OVERSUBSCRIBE|PARTITION|TIMELIMIT"
    r"|CONSTRAINT|THREADS|THREADS_PER_CORE|THREAD_SPEC|CORE_SPEC|REQ_SWITCH|EXPORT_ENV|PROFILE|SPREAD_JOB|USE_MIN_NODES"
    r"|JOB_NAME|NO_KILL|IMMEDIATE|WAIT.*|RESERVATION|QOS|ACCOUNT|ACCTG_FREQ|DEPENDENCY|REMOTE_CWD"
    r"|WORKING_DIR|CLUSTER_CONSTRAINT)"
)
"""Variables that describe a job or step. Slurm sets those of the new job; an `srun` would take sizes from old ones."""


def overruling(environment: Mapping[str, str]) -> list[str]:
    """Return the variables of `environment` that are not passed on to a batch's submission, sorted."""
    return sorted(name for name in environment if _is_sbatch_option(name) or _OF_AN_ALLOCATION.fullmatch(name))


def set_by_user(environment: Mapping[str, str]) -> list[str]:
    """Return those of them that a person has set; inside an allocation all that begin with SLURM are its own."""
    names = overruling(environment)
    return [name for name in names if _is_sbatch_option(name)] if environment.get("SLURM_JOB_ID") else names


def ignored_warning(environment: Mapping[str, str]) -> str | None:
    """Return a warning about the variables that are ignored, or None when there are none."""
    names = set_by_user(environment)
    if not names:
        return None
    values = ", ".join(f"{name}={environment[name][:40]}" for name in names[:6])
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""  # noqa: PLR2004 - what fits one line
    hint = "use canary-wf generate --slurm, or slurm_extra in the profile"
    return f"ignored for batches, which ask for what was planned: {values}{more}; {hint}"


def for_submission(environment: Mapping[str, str]) -> dict[str, str]:
    """Return `environment` without these variables, for calling `sbatch`."""
    dropped = set(overruling(environment))
    return {name: value for name, value in environment.items() if name not in dropped}


def _is_sbatch_option(name: str) -> bool:
    return name.startswith("SBATCH_") and name not in _KEPT


def submission_started(workflow: Any, environment: MutableMapping[str, str] = os.environ) -> None:  # noqa: ANN401 - Snakemake's workflow, which has no public type
    """Prepare this process to submit to Slurm, unless it runs the batches itself."""
    if workflow.local_exec:
        return
    warning = ignored_warning(environment)
    if warning is not None:
        sys.stderr.write(f"canary-wf: {warning}\n")
    for name in overruling(environment):
        del environment[name]
    prepend_wrappers(environment)
