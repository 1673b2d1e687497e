"""The resource pool's public names, and the making of a pool from options."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from canary_wf.errors import InputError
from canary_wf.resources.detection import detect_pool
from canary_wf.resources.errors import (
    CheckinError,
    EmptyResourcePoolError,
    ResourceUnavailable,
    UnknownResourceTypeError,
)
from canary_wf.resources.inventory import AllocationTransaction, Allocator, Inventory
from canary_wf.resources.options import pool_from_options
from canary_wf.resources.outcome import Outcome
from canary_wf.resources.pool import ResourcePool

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

_KEYS = ("detect", "resource_pool_file", "resources")


def make_resource_pool(config: Mapping[str, Any] | None = None) -> ResourcePool:
    """Return the pool of one node, as the command line's resource options describe it.

    Keys of `config`, all optional: ``resource_pool_file``, a path (YAML or JSON); ``resources``, ids by type, which
    win over the file and over detection; ``detect``, whether this machine is looked at when there is no file (default
    true). Raises InputError for a wrong file or an unknown key, UsageError for a negative number.
    """
    options = dict(config or {})
    for key in options:
        if key not in _KEYS:
            raise InputError(f"unknown key {key!r}; known are {', '.join(_KEYS)}", where="resource pool")
    file = options.get("resource_pool_file")
    path = None if file is None else Path(file)
    detected = detect_pool() if path is None and options.get("detect", True) else ResourcePool()
    return pool_from_options(options.get("resources") or {}, path, detected)
