"""In words what nodes a plan is for."""

from collections.abc import Mapping

from canary_wf.batch.problem import MEMORY
from canary_wf.plan.model import Plan
from canary_wf.wording import amount


def node_in_words(node: Mapping[str, int], *, with_memory: bool = False) -> str:
    """Return what one node offers: slots by type, and its memory where that may be what tells kinds apart."""
    offered = [amount(count, kind) for kind, count in node.items() if kind != MEMORY and count]
    offered += [f"{node[MEMORY]} MiB of memory"] if with_memory and node.get(MEMORY) else []
    return ", ".join(offered)


def nodes_in_words(plan: Plan) -> str:
    """Return what a node offers, and what those others do that some batches need; of GPUs with slots the devices."""
    others = [batch.node for batch in plan.batches if batch.node is not None]
    told = dict.fromkeys(node_in_words(node, with_memory=True) for node in others)
    node = plan.node if plan.scheduler == "slurm" else {**plan.node, "gpus": gpus_of(plan)}
    return " and with ".join([node_in_words(node, with_memory=bool(others)), *told])


def gpus_of(plan: Plan) -> int:
    """Return how many GPUs the machine has that `plan` is for; `node` has the slots of them all."""
    items = plan.resource_pool.get("resources", {}).get("gpus", ())
    return sum(1 for item in items if item["slots"]) if items else plan.node.get("gpus", 0)
