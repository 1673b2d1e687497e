"""The parts of a suite for several machines: `--shard m/n` keeps the m-th of n parts of about the same expected time.

Every machine computes the same parts from the same files: neither the history nor the machine counts, only what the
files and the command line say. Jobs that depend on each other stay together. The method is longest processing time
first (R. L. Graham, Bounds on multiprocessing timing anomalies, 1969): the longest group goes to the emptiest part.
"""

import heapq
import re
from collections.abc import Sequence
from typing import NamedTuple

from canary_wf.errors import UsageError
from canary_wf.spec.job_spec import DependencyEdge, JobSpec

DEFAULT_SHARE = 0.25
"""Share of its time limit that a job counts for if it declares no run time."""

ELSEWHERE = "is in part "
"""How the mask of a job of another part begins."""

_MOST = 10_000
_FORM = re.compile(r"([0-9]{1,5})/([0-9]{1,5})", re.ASCII)


class Shard(NamedTuple):
    """The part `part` (from 1) of `parts`."""

    part: int
    parts: int

    def __str__(self) -> str:
        return f"{self.part}/{self.parts}"


def parse_shard(text: str) -> Shard:
    """Parse ``m/n``. Raises UsageError."""
    found = _FORM.fullmatch(text.strip())
    shard = Shard(int(found[1]), int(found[2])) if found else Shard(0, 0)
    if not 1 <= shard.part <= shard.parts <= _MOST:
        hint = f"write m/n, the m-th of n parts, such as 2/4 (at most {_MOST} parts)"
        raise UsageError(f"{text[:40]!r} is not a part", where="--shard", hint=hint)
    return shard


def shard_masks(
    specs: Sequence[JobSpec],
    edges: Sequence[tuple[DependencyEdge, ...]],
    masks: Sequence[str | None],
    shard: Shard,
) -> list[str | None]:
    """Return `masks`, in which the jobs of all other parts have a mask as well.

    `edges` are the dependencies of each job. Jobs that have a mask already take no room in any part. Raises UsageError
    for a part that cannot be.
    """
    shard = parse_shard(str(Shard(*shard)))
    seconds = [0.0 if mask else _expected(spec) for spec, mask in zip(specs, masks, strict=True)]
    part_of = _parts(_groups(specs, edges, masks), specs, seconds, shard.parts)
    return [
        mask if mask is not None or part_of[number] == shard.part else f"{ELSEWHERE}{part_of[number]}/{shard.parts}"
        for number, mask in enumerate(masks)
    ]


def _expected(spec: JobSpec) -> float:
    return spec.timeout * DEFAULT_SHARE if spec.runtime is None else min(spec.runtime, spec.limit)


def _groups(
    specs: Sequence[JobSpec], edges: Sequence[tuple[DependencyEdge, ...]], masks: Sequence[str | None]
) -> list[list[int]]:
    """Return the numbers of the unmasked jobs in groups that no dependency joins."""
    numbers = {spec.id: number for number, spec in enumerate(specs)}
    root = list(range(len(specs)))

    def find(number: int) -> int:
        while root[number] != number:
            root[number] = number = root[root[number]]
        return number

    for number, needed in enumerate(edges):
        for edge in needed:
            other = numbers.get(edge.job)
            if other is not None and masks[number] is None and masks[other] is None:
                root[find(other)] = find(number)
    groups: dict[int, list[int]] = {}
    for number, mask in enumerate(masks):
        if mask is None:
            groups.setdefault(find(number), []).append(number)
    return list(groups.values())


def _parts(
    groups: Sequence[Sequence[int]], specs: Sequence[JobSpec], seconds: Sequence[float], parts: int
) -> dict[int, int]:
    """Return the part of each job of `groups`, from 1."""

    def key(group: Sequence[int]) -> tuple[float, str]:
        # The order of files and jobs must not matter, so neither may the order in which floats are added.
        return -sum(sorted(seconds[number] for number in group)), min(specs[number].id for number in group)

    loads = [(0.0, part) for part in range(1, parts + 1)]
    found: dict[int, int] = {}
    for (length, _), group in sorted(((key(group), group) for group in groups), key=lambda pair: pair[0]):
        load, part = heapq.heappop(loads)
        heapq.heappush(loads, (load - length, part))
        found.update(dict.fromkeys(group, part))
    return found
