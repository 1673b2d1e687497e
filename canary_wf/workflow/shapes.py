"""Shapes: groups of batches with about the same request, served by one wildcard rule.

With one rule each, more than a few hundred batches make Snakemake quadratic; and Slurm job arrays exist only within a
rule. An array takes the resources of its first job, so all batches of a shape request what the largest one needs.
"""

import hashlib
import math

import msgspec

from canary_wf.plan.model import Plan, RulesMode
from canary_wf.spec.batch_slice import PlannedBatch

MOST_BATCH_RULES = 500
"""Up to this number of batches each one has a rule of its own, unless the user decides otherwise."""

_STEPS = 2
"""Buckets per factor of two: no batch requests more than 2 ** (1 / 2) of the time or memory that it needs."""


class BatchShape(msgspec.Struct, frozen=True, kw_only=True):
    """The request of all batches of a shape: `memory` in MiB (None if no batch has one), `minutes` of run time.

    `longest` is the longest time that a partition allows them, as in `PlannedBatch`. `container` and `conda` are the
    batches' own, if they have one.
    """

    name: str
    batches: tuple[PlannedBatch, ...]
    threads: int
    gpus: int
    nodes: int
    memory: int | None
    minutes: int
    longest: int | None = None
    container: str | None = None
    conda: str | None = None


def uses_shapes(plan: Plan, mode: RulesMode) -> bool:
    """Return whether the workflow of `plan` has one rule per shape instead of one per batch."""
    return mode == "shape" or (mode == "auto" and len(plan.batches) > MOST_BATCH_RULES)


def threads_of(batch: PlannedBatch | BatchShape) -> int:
    """Return the threads that the rule of a batch or shape requests."""
    return max(batch.cpus, 1) if isinstance(batch, PlannedBatch) else batch.threads


def minutes_of(batch: PlannedBatch) -> int:
    """Return the whole minutes of run time that the rule of `batch` requests."""
    return max(1, math.ceil(batch.time_limit / 60))


def shapes_of(plan: Plan) -> list[BatchShape]:
    """Return the shapes of the plan's batches, sorted by name; each batch is in one of them."""
    groups: dict[tuple[int | str | None, ...], list[PlannedBatch]] = {}
    for batch in plan.batches:
        memory = -1 if batch.memory is None else _bucket(batch.memory)
        sizes = (threads_of(batch), batch.gpus, batch.nodes, memory, _bucket(minutes_of(batch)), batch.longest)
        key = (*sizes, batch.container, batch.conda)
        groups.setdefault(key, []).append(batch)
    with_limit = len({batch.longest for batch in plan.batches}) > 1
    return sorted((_shape(batches, with_limit=with_limit) for batches in groups.values()), key=lambda shape: shape.name)


def _bucket(amount: int) -> int:
    return math.ceil(_STEPS * math.log2(max(amount, 1)))


def _shape(batches: list[PlannedBatch], *, with_limit: bool) -> BatchShape:
    """Return the shape of `batches`; `with_limit` adds the limit of the partition to its name."""
    first = batches[0]
    memory = None if first.memory is None else max(batch.memory or 0 for batch in batches)
    minutes = max(map(minutes_of, batches))
    parts = [f"{threads_of(first)}cpus", f"{first.gpus}gpus", f"{first.nodes}nodes"]
    parts += [] if memory is None else [f"{memory}mib"]
    parts += (
        [f"{minutes}min"] if not with_limit or first.longest is None else [f"{minutes}min", f"of{first.longest}min"]
    )
    return BatchShape(
        name="_".join(["shape", *parts, *_software_part(first)]),
        batches=tuple(batches),
        threads=threads_of(first),
        gpus=first.gpus,
        nodes=first.nodes,
        memory=memory,
        minutes=minutes,
        longest=first.longest,
        container=first.container,
        conda=first.conda,
    )


def _software_part(batch: PlannedBatch) -> list[str]:
    """Return a suffix that distinguishes shapes with different software; image names are not valid in rule names."""
    if batch.container is None and batch.conda is None:
        return []
    digest = hashlib.sha256(f"{batch.container}\n{batch.conda}".encode())
    return [f"in{digest.hexdigest()[:6]}"]
