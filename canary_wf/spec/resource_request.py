"""What a job asks of a resource pool, in the form that pools take, and what it was given."""

from collections.abc import Mapping
from typing import Any

from canary_wf.errors import InputError
from canary_wf.spec.job_spec import JobSpec
from canary_wf.spec.values import InvalidTypeError

Resources = dict[str, list[dict[str, Any]]]
"""The ids a job was given, by type of resource: each with its id and the slots of it."""


def ceil_div(a: int, b: int) -> int:
    """Return `a` divided by `b`, rounded up, exactly, however large they are. Raises ZeroDivisionError."""
    return -(-a // b)


def resource_parameters(spec: JobSpec) -> dict[str, int]:
    """Return the numbers that size the job: cpus, gpus, further types, and nodes where it needs more than one.

    A parameter of the job with such a name wins. Raises InvalidTypeError when that is not a whole number.
    """
    found = spec.requested
    if spec.nodes != 1:
        found["nodes"] = spec.nodes
    for name in list(found):
        value = spec.parameters.get(name, found[name])
        if not isinstance(value, int) or isinstance(value, bool):
            raise InvalidTypeError(name, value)
        found[name] = value
    return found


def request_of(slots: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return the request for `slots` of each type: one item a slot, so that two GPUs may be two devices."""
    return [{"type": kind, "slots": 1} for kind, count in slots.items() for _ in range(count)]


def given(resources: Resources) -> Resources:
    """Return a copy of what a pool gave, with ids as text and the slots said.

    Raises InputError for any other form than ``{type: [{"id": str, "slots": int}]}``.
    """
    for kind, items in resources.items():
        for index, item in enumerate(items):
            if not isinstance(item, Mapping) or "id" not in item:
                raise InputError("must be {'id': text, 'slots': number}", where=f"{kind}[{index}]")
    return {
        kind: [{**item, "id": str(item["id"]), "slots": item.get("slots", 1)} for item in items]
        for kind, items in resources.items()
    }
