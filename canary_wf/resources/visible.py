"""Lists of GPU ids as the environment gives them: numbers, UUIDs, MIG names."""

from collections.abc import Mapping

VISIBLE = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
"""What the drivers' own libraries read, so these are the ids that a process can be bound to."""

_NONE = frozenset({"", "nodevfiles", "none", "void"})


def device_ids(text: str) -> list[str]:
    """Return the ids of a comma-separated list, each once; the list ends at the first -1 as it does for CUDA."""
    ids: dict[str, None] = {}
    for part in text.split(","):
        name = part.strip()
        if name.lower() in _NONE or name == "-1":
            break
        ids[name] = None
    return list(ids)


def visible_gpus(environment: Mapping[str, str]) -> list[str] | None:
    """Return the ids that the first non-empty one of the variables names, [] if all set are empty, None if none is."""
    found: list[str] | None = None
    for name in VISIBLE:
        if name in environment:
            found = device_ids(environment[name])
            if found:
                return found
    return found
