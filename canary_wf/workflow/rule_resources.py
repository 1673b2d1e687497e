"""The resource request of a rule, with the names that Snakemake and its Slurm executors know.

Amounts are per node (`PlannedBatch`), like Slurm's ``--mem`` and ``--gres``. ``--gpus`` is per job, and its nodes may
get unequal shares of it; so batches of several nodes use ``--gres``.
"""

import json
from typing import NamedTuple

from canary_wf.plan.cluster.slurm_options import SlurmOptions
from canary_wf.plan.model import Plan
from canary_wf.spec.batch_slice import PlannedBatch
from canary_wf.workflow.shapes import BatchShape, threads_of


class Site(NamedTuple):
    """The properties of a plan that decide how its rules request GPUs: the site's options, and the use of Slurm."""

    options: SlurmOptions
    on_slurm: bool
    has_gpus: bool

    @classmethod
    def of(cls, plan: Plan) -> "Site":
        """Return the site that `plan` is for."""
        return cls(plan.slurm, plan.scheduler == "slurm", any(batch.gpus for batch in plan.batches))


def rule_resources(asked: PlannedBatch | BatchShape, batch: str, minutes: int, site: Site) -> list[tuple[str, str]]:
    """Return a rule's resources as source text: GPUs, MiB, nodes, whole minutes, and their distribution over nodes.

    `batch` is the source text of the batch's id.
    """
    found = _gpus(asked, site)
    if asked.memory is not None:
        found.append(("mem_mb", str(asked.memory)))
    if asked.memory is not None and site.on_slurm:
        # Otherwise a profile's memory per CPU would be requested instead.
        found.append(("mem_mb_per_cpu", "0"))
    found.append(("nodes", str(asked.nodes)))
    if site.on_slurm:
        # Snakemake caps threads at the cores it sees on the node, before it requests the step of the batch.
        found.append(("cpus_per_task", str(threads_of(asked))))
    if site.on_slurm and asked.nodes > 1:
        # The executor then starts no step of its own, inside which jobs could not start any. One task per node; with
        # `tasks` alone the executor would count tasks by GPUs.
        found += [("mpi", '"srun"'), ("tasks", str(asked.nodes)), ("tasks_per_gpu", "0")]
    longest = "" if asked.longest is None else f", longest={asked.longest}"
    found.append(("runtime", f"lambda wildcards: runtime_minutes(PLAN, {batch}, {minutes}{longest})"))
    return found


def further_resources(asked: PlannedBatch | BatchShape, site: Site) -> list[str]:
    """Return the names, in the rules file, of requests that apply if no default of Snakemake sets them."""
    if not site.on_slurm:
        return []
    found = ["SITE"] if site_resources_of(site.options) else []
    found += ["GPU_MODEL"] if _asks_for_model(asked, site) else []
    return found + (["SLURMS_MEMORY"] if asked.memory is None else [])


def site_resources_of(options: SlurmOptions) -> list[tuple[str, str]]:
    """Return the resources that the site requires for every batch, as names and source text."""
    pairs = [
        ("slurm_account", options.account),
        ("slurm_partition", options.partition),
        ("qos", options.qos),
        ("constraint", options.constraint),
    ]
    return [(name, json.dumps(value)) for name, value in pairs if value is not None]


def _asks_for_model(asked: PlannedBatch | BatchShape, site: Site) -> bool:
    by_node = asked.nodes > 1 or site.options.gpu_style == "gres"
    return bool(asked.gpus) and site.options.gpu_model is not None and not by_node


def _gpus(asked: PlannedBatch | BatchShape, site: Site) -> list[tuple[str, str]]:
    if not site.on_slurm:
        return [("gpu", str(asked.gpus))]
    no_model = ("gpu_model", '""')  # a model in the profile must not request GPUs here
    if not asked.gpus:
        return [("gpu", "0"), no_model] if site.has_gpus else [("gpu", "0")]
    if asked.nodes > 1 or site.options.gpu_style == "gres":
        return [("gres", json.dumps(site.options.gres(asked.gpus))), no_model]
    return [("gpu", str(asked.gpus))]
