"""The resource pool's public names."""

from canary_wf.resources.inventory import AllocationTransaction, Allocator, Inventory
from canary_wf.resources.options import make_resource_pool
from canary_wf.resources.pool import ResourcePool
from canary_wf.resources.request import (
    CheckinError,
    EmptyResourcePoolError,
    ResourceUnavailable,
    UnknownResourceTypeError,
)
from canary_wf.resources.request import (
    RequestOutcome as Outcome,
)

__all__ = [
    "AllocationTransaction",
    "Allocator",
    "CheckinError",
    "EmptyResourcePoolError",
    "Inventory",
    "Outcome",
    "ResourcePool",
    "ResourceUnavailable",
    "UnknownResourceTypeError",
    "make_resource_pool",
]
