"""Names, ids and working directories of jobs, as the contract's section "Names and ids" lays down."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

LONGEST_PART = 200
"""Bytes of one path component; file systems refuse 256."""

_UNFIT = re.compile(r"[\x00-\x1f\x7f/\\]")


def job_name(family: str, parameters: Mapping[str, Any]) -> str:
    """Return `family` and `.key=value` for each parameter in key order, floats by ``%g``."""
    return ".".join([family, *(f"{key}={_text(parameters[key])}" for key in sorted(parameters))])


def job_id(path: str, family: str, parameters: Mapping[str, Any]) -> str:
    """Return the first 20 hex digits of the SHA-256 of the canonical JSON of path, family and parameters."""
    canonical = json.dumps([path, family, dict(parameters)], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()[:20]


def batch_id(job_ids: Iterable[str]) -> str:
    """Return the first 12 hex digits of the SHA-256 over the sorted job ids joined by newlines."""
    return hashlib.sha256("\n".join(sorted(job_ids)).encode()).hexdigest()[:12]


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def job_directories(jobs: Iterable[tuple[str, str, str]]) -> dict[str, str]:
    """Return for each ``(id, path, name)`` the working directory relative to the jobs folder, by id.

    It is the file's folder and the job's name. Where two would be the same (also without regard to case), where one
    would lie inside another, or where a part is too long or cannot be a file name, a prefix of the id is added.
    """
    jobs = list(jobs)
    wanted = {identity: _wanted(path, name) for identity, path, name in jobs}
    taken: dict[str, int] = {}
    inner: set[str] = set()
    for directory in wanted.values():
        folded = directory.casefold()
        taken[folded] = taken.get(folded, 0) + 1
        inner.update(str(parent) for parent in PurePosixPath(folded).parents)
    found = {}
    for identity, path, name in jobs:
        directory = wanted[identity]
        folded = directory.casefold()
        plain = directory == str(PurePosixPath(path).parent / name)
        collides = taken[folded] > 1 or folded in inner
        found[identity] = directory if plain and not collides else f"{directory}.{identity[:8]}"
    return found


def _wanted(path: str, name: str) -> str:
    parts = [*PurePosixPath(path).parent.parts, *_name_parts(name)]
    return "/".join(shortened(part) for part in parts)


def _name_parts(name: str) -> list[str]:
    parts = name.split("/")
    if all(part and part not in {".", ".."} and not _UNFIT.search(part) for part in parts):
        return parts
    fit = _UNFIT.sub("_", name)
    return ["_" * len(fit) if fit in {".", ".."} else fit]


def shortened(part: str) -> str:
    """Return `part` cut to what a file name may hold, on a whole character; room is left for a prefix of the id."""
    raw = part.encode("utf-8", "surrogateescape")
    if len(raw) <= LONGEST_PART:
        return part
    return raw[: LONGEST_PART - 20].decode("utf-8", "ignore")
