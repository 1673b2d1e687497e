"""The long tests first, dealt out to the workers, and the quick ones after them.

`--dist worksteal` hands each worker an equal stretch of the tests; who comes to the end of it takes from the ends of
the others' stretches. Each stretch begins with its share of the long tests, so that all are busy to the end. Tests on
Slurm, which wait more than they compute, go to half of the workers, so that the others compute meanwhile.
"""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import pytest
from long_tests import FOLDERS

OTHER = 3.0
"""Seconds of a long test outside of the folders."""


class Unit(NamedTuple):
    """Long tests that one worker runs one after the other, as they share what is made once for them."""

    seconds: float
    waits: bool
    items: list[pytest.Item]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sort what is left after the selection by names and marks, where several workers run it."""
    workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
    if workers > 1:
        items[:] = deal(items, workers)


def deal(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """Return `items` as a stretch for each worker, equally long, with equal shares of the long tests."""
    shares = _shares(items, workers)
    quick = iter([item for item in items if item.get_closest_marker("long") is None])
    dealt: list[pytest.Item] = []
    for number, share in enumerate(shares):
        length = (len(items) - len(dealt)) // (workers - number)
        dealt += [*share, *islice(quick, max(0, length - len(share)))]
    return [*dealt, *quick]


def _shares(items: list[pytest.Item], workers: int) -> list[list[pytest.Item]]:
    """Give each unit, the longest first, to the worker with the least to do."""
    shares: list[list[pytest.Item]] = [[] for _ in range(workers)]
    seconds = [0.0] * workers
    for unit in sorted(_units(items), key=lambda unit: -unit.seconds):
        takers = range((workers + 1) // 2 if unit.waits else workers)
        taker = min(takers, key=seconds.__getitem__)
        shares[taker] += unit.items
        seconds[taker] += unit.seconds
    return shares


def _units(items: list[pytest.Item]) -> Iterator[Unit]:
    """Yield the long tests, those with the same mark `xdist_group` together."""
    groups: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("long") is not None:
            group = item.get_closest_marker("xdist_group")
            groups.setdefault(group.args[0] if group else item.nodeid, []).append(item)
    for together in groups.values():
        folder = together[0].path.parent.name
        yield Unit(FOLDERS.get(folder, OTHER) * len(together), folder == "slurm", together)
