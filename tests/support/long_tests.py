"""Which tests take minutes, and the rule that all others are quick.

Tests of the folders in `FOLDERS`, and those marked `long`, take part in `make test-all`; `make test` runs only the ones
of them that are marked `smoke`, and with `--quick` a test without such a mark fails when it takes longer than `LIMIT`.
"""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

FOLDERS = {"damage": 20.0, "docs": 5.0, "e2e": 6.0, "faults": 10.0, "slurm": 25.0}
"""Folders of long tests, and about how many seconds one of their tests takes."""

LIMIT = 2.0
"""Seconds of a test without a mark, less those in which processes waited for a busy CPU."""

PRESSURE = Path("/proc/pressure/cpu")

_took = pytest.StashKey[float]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that makes a slow test fail."""
    parser.addoption(
        "--quick", action="store_true", help=f"fail tests that take over {LIMIT:g} s and are not marked long"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by their folder; a browser takes long everywhere."""
    for item in items:
        tools = {tool for marker in item.iter_markers("needs") for tool in marker.args}
        parts = item.path.relative_to(item.config.rootpath).parts[:2]
        if not FOLDERS.keys().isdisjoint(parts) or "chromium" in tools:
            item.add_marker("long")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Measure how long others let the test wait."""
    before = _stalled()
    try:
        return (yield)
    finally:
        item.stash[_took] = _stalled() - before


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that is not marked `long` and took longer than the limit."""
    report = yield
    judged = item.config.getoption("quick") and item.get_closest_marker("long") is None
    if judged and call.when == "call" and report.passed:
        took = call.duration - item.stash.get(_took, 0.0)
        if took > LIMIT:
            report.outcome = "failed"
            report.longrepr = f"took {took:.1f} s: make it quicker than {LIMIT:g} s, or mark it `long`"
    return report


def _stalled() -> float:
    """Return for how many seconds since the machine's start some process had to wait for a CPU."""
    try:
        some = PRESSURE.read_text().splitlines()[0]
    except OSError:
        return 0.0
    return int(some.rpartition("=")[2]) / 1e6
