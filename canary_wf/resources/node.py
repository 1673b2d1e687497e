"""One node as planning needs it: the slots of each type, without ids."""

import msgspec

from canary_wf.resources.pool import ResourcePool


class NodeShape(msgspec.Struct, frozen=True):
    """What one node offers, and how many such nodes one job may use.

    `capacities` are the slots of one node by type; `memory` is the MiB of one node, None when unknown.
    """

    nodes: int
    capacities: dict[str, int]
    memory: int | None = None


def node_shape(pool: ResourcePool, memory: int | None = None, nodes: int | None = None) -> NodeShape:
    """Return the shape of the node that `pool` describes; `nodes` defaults to the pool's number of nodes."""
    return NodeShape(
        nodes=pool.count("nodes") if nodes is None else nodes,
        capacities=dict(pool.slots_per_resource_type),
        memory=memory,
    )
