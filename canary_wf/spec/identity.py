"""Names, ids and working directories of jobs (defined in docs/reference/contract.md, "Names and ids")."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

LONGEST_COMPONENT = 200
"""Largest size of a path component in bytes. File systems refuse 256."""

_SURELY_SHORT = LONGEST_COMPONENT // 4
"""Characters that are not longer than LONGEST_COMPONENT, whatever they are: one has four bytes at most in UTF-8."""

_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
_canonical_text = json.encoder.encode_basestring
_UNFIT = re.compile(r"[\x00-\x1f\x7f/\\]")


def job_name(family: str, parameters: Mapping[str, Any]) -> str:
    """Return `family` and `.key=value` for each parameter in key order, floats by ``%g``."""
    if not parameters:
        return family
    return ".".join([family, *(f"{key}={_text(parameters[key])}" for key in sorted(parameters))])


def job_id(path: str, family: str, parameters: Mapping[str, Any]) -> str:
    """Return the first 20 hex digits of the SHA-256 of the canonical JSON of path, family and parameters."""
    values = _canonical(dict(parameters)) if parameters else "{}"
    canonical = f"[{_canonical_text(path)},{_canonical_text(family)},{values}]"
    return hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()[:20]


def batch_id(job_ids: Iterable[str]) -> str:
    """Return the first 12 hex digits of the SHA-256 over the sorted job ids joined by newlines."""
    return hashlib.sha256("\n".join(sorted(job_ids)).encode()).hexdigest()[:12]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(int(value))  # as in canary
    return f"{value:g}" if isinstance(value, float) else str(value)


def job_directories(jobs: Iterable[tuple[str, str, str]]) -> dict[str, str]:
    """Return for each ``(id, path, name)`` the working directory relative to the jobs folder, by id.

    It consists of the file's folder and the job's name. A prefix of the id is added if two directories would be equal
    (ignoring case), if one would lie inside another, or if a component is too long or is not a valid file name.
    """
    jobs = list(jobs)
    directories = {identity: _plain_directory(path, name) for identity, path, name in jobs}
    folded = {identity: directory.casefold() for identity, directory in directories.items()}
    taken = Counter(folded.values())
    inner = _with_folders_above({directory.rpartition("/")[0] for directory in taken})
    found = {}
    for identity, path, name in jobs:
        directory = directories[identity]
        folder, slash, _ = path.rpartition("/")
        plain = directory == f"{folder}{slash}{name}"
        collides = taken[folded[identity]] > 1 or folded[identity] in inner
        found[identity] = directory if plain and not collides else f"{directory}.{identity[:8]}"
    return found


def _with_folders_above(folders: set[str]) -> set[str]:
    found = set(folders)
    for folder in folders:
        while folder := folder.rpartition("/")[0]:
            if folder in found:
                break
            found.add(folder)
    return found


def _plain_directory(path: str, name: str) -> str:
    folder, slash, _ = path.rpartition("/")
    if len(name) <= _SURELY_SHORT and name not in {".", ".."} and not _UNFIT.search(name):
        return f"{_shortened_folder(folder)}{slash}{name}"  # as most names, in less time
    return f"{_shortened_folder(folder)}{slash}{'/'.join(map(shortened, _name_components(name)))}"


@lru_cache(maxsize=4096)
def _shortened_folder(folder: str) -> str:
    return "/".join(map(shortened, folder.split("/")))


def _name_components(name: str) -> list[str]:
    components = name.split("/")
    if all(component and component not in {".", ".."} and not _UNFIT.search(component) for component in components):
        return components
    fit = _UNFIT.sub("_", name)
    return ["_" * len(fit) if fit in {".", ".."} else fit]


def shortened(component: str) -> str:
    """Return `part` cut to what a file name may hold, on a whole character; room is left for a prefix of the id."""
    raw = component.encode("utf-8", "surrogateescape")
    if len(raw) <= LONGEST_COMPONENT:
        return component
    return raw[: LONGEST_COMPONENT - 20].decode("utf-8", "ignore")
