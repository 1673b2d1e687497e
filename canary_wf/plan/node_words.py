"""In words what nodes a plan is for."""

from collections.abc import Mapping

from canary_wf.plan.model import Plan
from canary_wf.wording import amount


def node_in_words(node: Mapping[str, int]) -> str:
    """Return what one node offers: slots by type."""
    return ", ".join(amount(count, kind) for kind, count in node.items() if kind != "memory" and count)


def nodes_in_words(plan: Plan) -> str:
    """Return what a node offers, and what those others do that some batches need."""
    others = dict.fromkeys(node_in_words(batch.node) for batch in plan.batches if batch.node is not None)
    return " and with ".join([node_in_words(plan.node), *others])
