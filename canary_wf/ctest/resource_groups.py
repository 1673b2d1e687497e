"""CTest's resource groups: the request of RESOURCE_GROUPS, and the variables in which tests find their resources.

Source: CMake's manual, ctest(1), "Resource Allocation".
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from canary_wf.resources.request import sizes_by_type
from canary_wf.spec.ctest_rules import ResourceItem
from canary_wf.spec.job_spec import JobSpec
from canary_wf.spec.resource_request import Resources, request_of

COUNT_VARIABLE = "CTEST_RESOURCE_GROUP_COUNT"


def is_generated(spec: JobSpec) -> bool:
    """Return whether the ids of the groups of `spec` come from a file that another test generates."""
    return spec.ctest is not None and spec.ctest.specification is not None


def generated_request(spec: JobSpec) -> list[dict[str, Any]]:
    """Return the request of the groups of `spec` to the pool in a generated file."""
    items = [item for group in spec.resource_groups for item in group if item.slots]
    return [{"type": item.type, "slots": item.slots} for item in items]


def job_request(spec: JobSpec) -> list[dict[str, Any]]:
    """Return the request of `spec` to a resource pool: the items of its groups in order, then an item for each slot."""
    if is_generated(spec):
        return request_of(spec.requested)
    items = [item for group in spec.resource_groups for item in group if item.slots]
    rest = Counter(spec.requested)
    rest.subtract(grouped_slots(spec))
    return [{"type": item.type, "slots": item.slots} for item in items] + request_of(rest)


def grouped_slots(spec: JobSpec) -> Counter[str]:
    """Return the slots that the groups of `spec` ask for, by type."""
    found: Counter[str] = Counter()
    for group in spec.resource_groups:
        for item in group:
            found[item.type] += item.slots
    return found


def largest_items(jobs: Iterable[JobSpec]) -> tuple[dict[str, int], dict[str, int]]:
    """Return by type the slots of the largest item of `jobs` (on one id), and the largest number of items of a job."""
    largest: dict[str, int] = {}
    most: dict[str, int] = {}
    for job in jobs:
        if job.resource_groups:
            for resource_type, sizes in sizes_by_type(job_request(job)).items():
                largest[resource_type] = max(largest.get(resource_type, 1), *sizes)
                most[resource_type] = max(most.get(resource_type, 0), len(sizes))
    return largest, most


def group_variables(spec: JobSpec, resources: Resources, spare: Mapping[str, str] = {}) -> dict[str, str]:
    """Return the variables CTEST_RESOURCE_GROUP_* with the resources of each group; `resources` match `job_request`.

    An item without slots gets the id that `spare` has for its type. For a test without groups, the count is 0 if
    resources are allocated at all, as in CTest.
    """
    if not spec.resource_groups:
        return {COUNT_VARIABLE: "0"} if spec.ctest is not None and spec.ctest.allocates else {}
    given = {resource_type: iter(items) for resource_type, items in resources.items()}
    variables = {COUNT_VARIABLE: str(len(spec.resource_groups))}
    for number, group in enumerate(spec.resource_groups):
        shares: dict[str, list[str]] = {}
        for resource_type, share in _shares(group, given, spare):
            shares.setdefault(resource_type, []).append(share)
        prefix = f"CTEST_RESOURCE_GROUP_{number}"
        variables[prefix] = ",".join(sorted(shares))
        variables.update(
            {f"{prefix}_{resource_type.upper()}": ";".join(texts) for resource_type, texts in shares.items()}
        )
    return variables


def _shares(
    group: tuple[ResourceItem, ...], given: Mapping[str, Iterator[dict[str, Any]]], spare: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    for item in group:
        if item.slots:
            share = next(given.get(item.type, iter(())), None)
        else:
            share = {"id": spare[item.type], "slots": 0} if spare.get(item.type) else None
        if share is not None:
            yield item.type, f"id:{share['id']},slots:{share['slots']}"
