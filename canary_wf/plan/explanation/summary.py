"""The sums of a plan: number of batches, makespan, core-hours and GPU-hours."""

from collections.abc import Mapping, Sequence

import msgspec

from canary_wf.batch.cluster_simulator import ClusterRun, critical_path, run_on_cluster
from canary_wf.batch.partition import nominal_batches
from canary_wf.batch.problem import MEMORY, problem_of
from canary_wf.batch.specification import DEFAULT_DURATION
from canary_wf.errors import InputError
from canary_wf.plan.model import Plan
from canary_wf.spec.batch_slice import PlannedJob

SECONDS_AN_HOUR = 3600.0


class PlanSummary(msgspec.Struct, frozen=True):
    """The summary of `plan --json`: times in seconds, hours of the cores and GPUs asked for.

    `batches_nominal` is the number of batches that the work alone would fill. `makespan` is simulated with the nodes of
    the cluster, `critical_path` with an unlimited cluster.
    """

    jobs: int
    batches: int
    batches_nominal: int
    makespan: float
    critical_path: float
    core_hours: float
    gpu_hours: float
    submissions: int


def summarize(plan: Plan, cluster_nodes: int | None = None) -> PlanSummary:
    """Return the summary of `plan`, run on `cluster_nodes` nodes (None: this machine, or an unlimited cluster).

    Raises InputError if a batch asks for more nodes than the cluster has.
    """
    lengths, upstream = _batch_graph(plan)
    return PlanSummary(
        jobs=len(plan.jobs),
        batches=len(plan.batches),
        batches_nominal=_nominal(plan),
        makespan=expected_run(plan, cluster_nodes).makespan,
        critical_path=critical_path(lengths, upstream),
        core_hours=sum(batch.cpus * batch.nodes * batch.runtime for batch in plan.batches) / SECONDS_AN_HOUR,
        gpu_hours=sum(batch.gpus * batch.nodes * batch.runtime for batch in plan.batches) / SECONDS_AN_HOUR,
        submissions=len(plan.batches),
    )


def expected_run(plan: Plan, cluster_nodes: int | None = None) -> ClusterRun:
    """Return when each batch of `plan` is expected to run on `cluster_nodes` nodes (None: as for `summarize`).

    This machine runs one batch after the other, whatever number of nodes a batch asks for. Raises as `summarize` does.
    """
    lengths, upstream = _batch_graph(plan)
    if cluster_nodes is None and plan.scheduler == "local":
        return run_on_cluster(lengths, upstream, nodes=1)
    widest = max(plan.batches, key=lambda batch: batch.nodes, default=None)
    if cluster_nodes is not None and widest is not None and widest.nodes > cluster_nodes:
        message = f"batch {widest.id} needs {widest.nodes} nodes, the cluster has {cluster_nodes}"
        raise InputError(message, where="--cluster-nodes", hint=f"give it {widest.nodes} or more")
    return run_on_cluster(lengths, upstream, nodes=cluster_nodes, widths=[batch.nodes for batch in plan.batches])


def _batch_graph(plan: Plan) -> tuple[list[float], list[list[int]]]:
    """Return the lengths of the batches in seconds, and for each batch the indexes of those it waits for."""
    index = {batch.id: number for number, batch in enumerate(plan.batches)}
    upstream = [[index[name] for name in batch.dependencies] for batch in plan.batches]
    return [batch.runtime for batch in plan.batches], upstream


def _nominal(plan: Plan) -> int:
    """Return how many batches the work fills on each node type, but at least as many as a chain of jobs needs."""
    jobs = {job.id: job for job in plan.jobs}
    node_types: dict[tuple[tuple[str, int], ...], list[PlannedJob]] = {}
    for batch in plan.batches:
        node = plan.node if batch.node is None else batch.node
        node_types.setdefault(tuple(sorted(node.items())), []).extend(jobs[job] for job in batch.jobs)
    filled = sum(_filled(plan, members, dict(node)) for node, members in node_types.items())
    return filled if len(node_types) == 1 else max(filled, _filled(plan, plan.jobs, {}))


def _filled(plan: Plan, jobs: Sequence[PlannedJob], node: Mapping[str, int]) -> int:
    problem = problem_of(jobs, [job.runtime for job in jobs], {MEMORY: None, **node})
    return nominal_batches(problem, plan.batch_spec.duration or DEFAULT_DURATION, plan.batch_spec.layout)
