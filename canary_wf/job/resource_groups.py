"""Resources in groups, as CTest's RESOURCE_GROUPS asks for them and as its tests find them in their environment.

Facts: CMake's manual, ctest(1), "Resource Allocation".
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from canary_wf.job.ctest_rules import ResourceItem
from canary_wf.job.demand import request_of, slots_of
from canary_wf.job.events import Resources
from canary_wf.job.spec import JobSpec

COUNT_VARIABLE = "CTEST_RESOURCE_GROUP_COUNT"


def job_request(spec: JobSpec) -> list[dict[str, Any]]:
    """Return what `spec` asks of a resource pool: the items of its groups in order, then one item a further slot."""
    items = [item for group in spec.resource_groups for item in group]
    rest = Counter(slots_of(spec))
    rest.subtract(grouped_slots(spec))
    return [{"type": item.type, "slots": item.slots} for item in items] + request_of(rest)


def grouped_slots(spec: JobSpec) -> Counter[str]:
    """Return the slots that the groups of `spec` ask for, by type."""
    found: Counter[str] = Counter()
    for group in spec.resource_groups:
        for item in group:
            found[item.type] += item.slots
    return found


def group_variables(spec: JobSpec, resources: Resources) -> dict[str, str]:
    """Return the variables CTEST_RESOURCE_GROUP_* that tell what each group was given; `resources` fit `job_request`.

    Nothing when the job has no groups.
    """
    if not spec.resource_groups:
        return {}
    given = {kind: iter(items) for kind, items in resources.items()}
    variables = {COUNT_VARIABLE: str(len(spec.resource_groups))}
    for number, group in enumerate(spec.resource_groups):
        shares: dict[str, list[str]] = {}
        for kind, share in _shares(group, given):
            shares.setdefault(kind, []).append(share)
        prefix = f"CTEST_RESOURCE_GROUP_{number}"
        variables[prefix] = ",".join(sorted(shares))
        variables.update({f"{prefix}_{kind.upper()}": ";".join(texts) for kind, texts in shares.items()})
    return variables


def _shares(group: tuple[ResourceItem, ...], given: dict[str, Iterator[dict[str, Any]]]) -> Iterator[tuple[str, str]]:
    for item in group:
        share = next(given.get(item.type, iter(())), None)
        if share is not None:
            yield item.type, f"id:{share['id']},slots:{share['slots']}"
