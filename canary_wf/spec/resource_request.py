"""The resource request of a job in the form that pools take, and the resources that were allocated to it."""

from collections.abc import Mapping
from typing import Any

from canary_wf.errors import InputError
from canary_wf.spec.job_spec import JobSpec
from canary_wf.spec.values import InvalidTypeError

Resources = dict[str, list[dict[str, Any]]]
"""The ids allocated to a job, by resource type: each with its id and its slots."""


def ceil_div(a: int, b: int) -> int:
    """Return `a` divided by `b`, rounded up. The result is exact for any size. Raises ZeroDivisionError."""
    return -(-a // b)


def resource_parameters(spec: JobSpec) -> dict[str, int]:
    """Return the amounts that the job needs: cpus, gpus, other types, and nodes if it needs more than one.

    A parameter of the job with such a name wins. Raises InvalidTypeError if that is not a whole number.
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
    """Return the request for `slots` of each type: one item for each slot, so that two GPUs may be two devices."""
    return [{"type": resource_type, "slots": 1} for resource_type, count in slots.items() for _ in range(count)]


def given(resources: Resources) -> Resources:
    """Return a copy of `resources` that a pool allocated, with ids as text and explicit slots.

    Raises InputError for any form other than ``{type: [{"id": str, "slots": int}]}``.
    """
    for resource_type, items in resources.items():
        for index, item in enumerate(items):
            if not isinstance(item, Mapping) or "id" not in item:
                raise InputError("must be {'id': text, 'slots': number}", where=f"{resource_type}[{index}]")
    return {
        resource_type: [{**item, "id": str(item["id"]), "slots": item.get("slots", 1)} for item in items]
        for resource_type, items in resources.items()
    }
