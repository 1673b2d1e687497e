"""The resource options of the command line: `-r TYPE=N` and the pool file, applied to the detected pool."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from canary_wf.errors import InputError, UsageError
from canary_wf.resources.free_list import Entry
from canary_wf.resources.layout import slots_of
from canary_wf.resources.memory_size import parse_memory
from canary_wf.resources.pool import ResourcePool

NOT_IN_POOL = frozenset({"memory", "nodes"})
"""Names that `-r` accepts and that have no ids: MiB of one node, and the number of nodes that one job may use."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
SINGULAR = {"cpu": "cpus", "gpu": "gpus", "node": "nodes"}
"""Names that `-r` refuses as mistakes; a pool file may have types of these names."""

_LARGEST = 1_000_000


def parse_resource(text: str) -> tuple[str, int]:
    """Return the type and the number of ``TYPE=N``; for ``memory``, N is a size and the number is MiB.

    Raises UsageError for anything else, and for a number below 0 (below 1 for ``nodes``).
    """
    name, equals, number = text.partition("=")
    name, number = name.strip(), number.strip()
    if not equals or not _NAME.fullmatch(name):
        raise UsageError(f"{text!r} is not understood", where="-r", hint="write TYPE=N, such as cpus=32")
    if name in SINGULAR:
        raise UsageError(f"there is no resource type {name!r}", where="-r", hint=f"write {SINGULAR[name]}={number}")
    if name == "memory":
        try:
            return name, parse_memory(number)
        except InputError as error:
            raise UsageError(error.what, where="-r memory", hint=error.hint) from None
    least = 1 if name == "nodes" else 0
    if not re.fullmatch(r"[0-9]{1,7}", number, re.ASCII) or not least <= int(number) <= _LARGEST:
        what = f"{number!r} is not a whole number from {least} to {_LARGEST}"
        raise UsageError(what, where=f"-r {name}", hint=f"write {name}=N")
    return name, int(number)


def pool_from_options(
    requested: Mapping[str, int],
    pool_file: Path | None,
    detected: ResourcePool,
) -> ResourcePool:
    """Return the pool of one node: the pool file, or else the detected pool, with the types of `requested` replaced.

    If the file has no CPUs, the detected ones are used.

    `requested` are the numbers of ids by type from `-r`. ``nodes`` becomes the pool's number of nodes; ``memory`` is
    left to the caller. The ids are those of the file or machine as far as they reach, then further ordinals with one
    slot. Raises InputError for a wrong file and UsageError for a negative number.
    """
    state = (detected if pool_file is None else read_pool(pool_file)).getstate()
    # A CTest resource specification never lists CPUs; tests get them by number.
    state["resources"].setdefault("cpus", detected.getstate()["resources"].get("cpus", []))
    for rtype, asked in requested.items():
        number = slots_of(asked, 0, _usage_error_at(f"-r {rtype}"))
        if rtype == "nodes":
            state["additional_properties"]["nodes"] = {"count": number}
        elif rtype not in NOT_IN_POOL:
            state["resources"][rtype] = _exactly(number, state["resources"].get(rtype, []))
    return ResourcePool(state)


def _usage_error_at(where: str) -> Callable[[str], UsageError]:
    return lambda what: UsageError(what, where=where)


def read_pool(path: Path) -> ResourcePool:
    """Return the pool in the file `path`. Raises InputError like `read_pool_file`."""
    from canary_wf.resources.pool_file import read_pool_file

    return read_pool_file(path)


def _exactly(number: int, known: list[Entry]) -> list[Entry]:
    entries = known[:number]
    used = {str(entry["id"]) for entry in entries}
    ordinal = 0
    while len(entries) < number:
        if str(ordinal) not in used:
            entries.append({"id": str(ordinal), "slots": 1})
        ordinal += 1
    return entries


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
    from canary_wf.resources.detection import detect_pool  # late: start-up

    detected = detect_pool() if options.get("detect", True) else ResourcePool()
    requested = _mapping(options.get("resources"), "resources")
    return pool_from_options(requested, None if file is None else Path(file), detected)


def _mapping(value: object, where: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise InputError("must be a mapping with texts as keys", where=where)
    return value
