"""Resources in groups, as CTest's RESOURCE_GROUPS asks for them and as its tests find them in their environment.

Facts: CMake's manual, ctest(1), "Resource Allocation".
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
    """Return what the groups of `spec` ask of the pool in such a file."""
    items = [item for group in spec.resource_groups for item in group if item.slots]
    return [{"type": item.type, "slots": item.slots} for item in items]


def job_request(spec: JobSpec) -> list[dict[str, Any]]:
    """Return what `spec` asks of a resource pool: the items of its groups in order, then one item a further slot."""
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
    """Return by type the slots of the largest item that one of `jobs` wants of one id, and the most items of a job."""
    largest: dict[str, int] = {}
    most: dict[str, int] = {}
    for job in jobs:
        if job.resource_groups:
            for kind, sizes in sizes_by_type(job_request(job)).items():
                largest[kind] = max(largest.get(kind, 1), *sizes)
                most[kind] = max(most.get(kind, 0), len(sizes))
    return largest, most


def group_variables(spec: JobSpec, resources: Resources, spare: Mapping[str, str] = {}) -> dict[str, str]:
    """Return the variables CTEST_RESOURCE_GROUP_* that tell what each group was given; `resources` fit `job_request`.

    An item of no slots is on the id that `spare` has for its type. Without groups there are none, as CTest says where
    it hands out resources at all.
    """
    if not spec.resource_groups:
        return {COUNT_VARIABLE: "0"} if spec.ctest is not None and spec.ctest.allocates else {}
    given = {kind: iter(items) for kind, items in resources.items()}
    variables = {COUNT_VARIABLE: str(len(spec.resource_groups))}
    for number, group in enumerate(spec.resource_groups):
        shares: dict[str, list[str]] = {}
        for kind, share in _shares(group, given, spare):
            shares.setdefault(kind, []).append(share)
        prefix = f"CTEST_RESOURCE_GROUP_{number}"
        variables[prefix] = ",".join(sorted(shares))
        variables.update({f"{prefix}_{kind.upper()}": ";".join(texts) for kind, texts in shares.items()})
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
