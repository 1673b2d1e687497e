"""The resource pool's public names, and the making of a pool from options."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from canary_wf.errors import InputError
from canary_wf.resources.detection import detect_pool
from canary_wf.resources.inventory import AllocationTransaction, Allocator, Inventory
from canary_wf.resources.options import pool_from_options
from canary_wf.resources.pool import ResourcePool
from canary_wf.resources.request import (
    CheckinError,
    EmptyResourcePoolError,
    Outcome,
    ResourceUnavailable,
    UnknownResourceTypeError,
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

_KEYS = ("detect", "resource_pool_file", "resources")


def make_resource_pool(config: Mapping[str, Any] | None = None) -> ResourcePool:
    """Return the pool of one node, as the command line's resource options describe it.

    Keys of `config`, all optional: ``resource_pool_file``, a path (YAML or JSON); ``resources``, ids by type, which
    win over the file and over detection; ``detect``, whether this machine is looked at for what the file does not say:
    its CPUs, and without a file its GPUs (default true). Raises InputError for a wrong file, an unknown key or a value
    of the wrong form, UsageError for a negative number.
    """
    options = _mapping(config, "resource pool")
    for key in options:
        if key not in _KEYS:
            raise InputError(f"unknown key {key!r}; known are {', '.join(_KEYS)}", where="resource pool")
    file = options.get("resource_pool_file")
    if not isinstance(file, str | os.PathLike | None):
        raise InputError("must be a path", where="resource_pool_file")
    detected = detect_pool() if options.get("detect", True) else ResourcePool()
    requested = _mapping(options.get("resources"), "resources")
    return pool_from_options(requested, None if file is None else Path(file), detected)


def _mapping(value: object, where: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise InputError("must be a mapping with texts as keys", where=where)
    return value
