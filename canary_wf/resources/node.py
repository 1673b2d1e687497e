"""The shape of one node, as planning needs it: how much of each type, without ids."""

import msgspec

from canary_wf.resources.pool import ResourcePool


class NodeShape(msgspec.Struct, frozen=True):
    """What one node offers and how many of them one job may use.

    `capacities` are the slots per type of one node; `memory` is MiB of one node, None when not known.
    """

    nodes: int
    capacities: dict[str, int]
    memory: int | None = None


def node_shape(pool: ResourcePool, memory: int | None = None, nodes: int | None = None) -> NodeShape:
    """Return the shape of the node that `pool` describes; without `nodes`, the pool's own count of them is taken."""
    return NodeShape(
        nodes=pool.count("nodes") if nodes is None else nodes,
        capacities=dict(pool.slots_per_resource_type),
        memory=memory,
    )
