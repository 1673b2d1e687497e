"""The file formats of a resource pool, validated and converted to one form.

Known are ``{additional_properties, resources}``, the same under ``resource_pool``, and ``{local: {type: [...]}}``.
CTest's file, where ``local`` is a list with one mapping, has the third form (format: CTest's manual, "Resource
Specification File"). Errors name the position as a key path such as ``resources.cpus[1].slots``.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from canary_wf.errors import InputError
from canary_wf.resources.free_list import Entry

KeyPath = tuple[str | int, ...]

CTEST_MAJOR = 1
"""The only existing major version of CTest's resource specification."""


class LayoutError(InputError):
    """A pool does not have a known form; `path` is the key path of the wrong value."""

    def __init__(self, what: str, path: KeyPath) -> None:
        super().__init__(what, where=key_path(path) or "resource pool")
        self.path = path


def key_path(path: KeyPath) -> str:
    """Return the path as text: ``resources.cpus[1].slots``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def read_layout(pool: object) -> tuple[dict[str, list[Entry]], dict[str, Any]]:
    """Return the resources by type and the additional properties of `pool`, as copies. Raises LayoutError."""
    top = _mapping(pool, ())
    if "resource_pool" in top:
        _only(top, {"resource_pool"}, ())
        return _canary(_mapping(top["resource_pool"], ("resource_pool",)), ("resource_pool",))
    if "local" in top:
        return _ctest(top), {}
    return _canary(top, ())


def _canary(top: Mapping[str, Any], path: KeyPath) -> tuple[dict[str, list[Entry]], dict[str, Any]]:
    _only(top, {"additional_properties", "resources"}, path)
    if "resources" not in top:
        raise LayoutError("the key 'resources' is missing", path)
    properties = top.get("additional_properties")
    where = (*path, "additional_properties")
    return (
        read_types(top["resources"], (*path, "resources")),
        {} if properties is None else copied(_mapping(properties, where)),
    )


def copied(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return a deep copy of a pool's additional properties."""
    if not properties:
        return {}
    from copy import deepcopy  # late, as most pools have none

    return deepcopy(dict(properties))


def _ctest(top: Mapping[str, Any]) -> dict[str, list[Entry]]:
    _only(top, {"version", "local"}, ())
    if "version" in top and _mapping(top["version"], ("version",)).get("major") != CTEST_MAJOR:
        raise LayoutError(f"only version {CTEST_MAJOR} of the format is known", ("version", "major"))
    local = top["local"]
    if not isinstance(local, list):
        return read_types(local, ("local",))
    if len(local) != 1:
        raise LayoutError(f"must hold exactly one machine, not {len(local)}", ("local",))
    return read_types(local[0], ("local", 0))


def read_types(value: object, path: KeyPath) -> dict[str, list[Entry]]:
    """Return a copy of the ids by type in `value`, whose key path is `path`. Raises LayoutError."""
    return {rtype: _entries(entries, (*path, rtype)) for rtype, entries in _mapping(value, path).items()}


def _entries(value: object, path: KeyPath) -> list[Entry]:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise LayoutError(f"must be a list of ids, not {_described(value)}", path)
    seen: dict[str, int] = {}
    entries: list[Entry] = []
    for index, item in enumerate(value):
        entry = _entry(item, (*path, index))
        name = str(entry["id"])
        if name in seen:
            raise LayoutError(f"the id {name!r} is already used by entry {seen[name]}", (*path, index, "id"))
        seen[name] = index
        entries.append(entry)
    return entries


def _entry(value: object, path: KeyPath) -> Entry:
    item = _mapping(value, path)
    _only(item, {"id", "slots"}, path)
    if "id" not in item:
        raise LayoutError("the key 'id' is missing", path)
    name = item["id"]
    if isinstance(name, bool) or not isinstance(name, str | int) or name == "":
        raise LayoutError(f"must be a text, not {_described(name)}", (*path, "id"))
    return {"id": str(name), "slots": slots_of(item.get("slots", 1), 0, _raise_at((*path, "slots")))}


MOST_SLOTS = 2**63 - 1
"""The largest number in a plan, which is JSON with 64-bit numbers."""


def slots_of(value: object, least: int, error: Callable[[str], Exception]) -> int:
    """Return `value` as a number of slots, at least `least` and below 2**63.

    Raises the exception that `error` makes of a message.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise error(f"must be a whole number, not {_described(value)}")
    if value < least:
        raise error(f"must be {least} or more, not {value}")
    if value > MOST_SLOTS:
        raise error("must be below 2**63")
    return value


def _raise_at(path: KeyPath) -> Callable[[str], Exception]:
    return lambda what: LayoutError(what, path)


def _mapping(value: object, path: KeyPath) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise LayoutError(f"must be a mapping, not {_described(value)}", path)
    for key in value:
        if not isinstance(key, str) or not key:
            raise LayoutError(f"the key {key!r} must be a text", path)
    return value


def _only(mapping: Mapping[str, Any], known: set[str], path: KeyPath) -> None:
    for key in mapping:
        if key not in known:
            raise LayoutError(f"unknown key {key!r}; known are {', '.join(sorted(known))}", (*path, key))


def _described(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, str | int | float):
        return f"{value!r:.60}"
    return "a list" if isinstance(value, list | tuple) else f"a {type(value).__name__}"
