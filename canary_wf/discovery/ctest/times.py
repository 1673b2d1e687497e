"""The time limit and the expected run time of a CTest test.

The default limit is 1500 s, or the one in the build tree's `DartConfiguration.tcl` (written by CMake's module CTest).
`Testing/Temporary/CTestCostData.txt` has the run times that ctest measured: lines ``name runs seconds`` up to ``---``.
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from canary_wf.discovery.options import Timeouts
from canary_wf.files.plain_files import LARGEST_INPUT, read_plain

DEFAULT_TIMEOUT = 1500.0
NO_LIMIT = 86400.0
"""Seconds that replace TIMEOUT 0 (no limit), because a batch has to end."""

_USUAL_SHARE = 0.25


class Times:
    """The times of one build tree, whose uppermost test file is `file`."""

    def __init__(self, file: Path, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        self._default = _default_timeout(file.parent / "DartConfiguration.tcl")
        self._measured = _measured(file.parent / "Testing" / "Temporary" / "CTestCostData.txt")

    def timeout(self, values: Mapping[str, Any]) -> float:
        """Return the time limit in seconds of the test with these properties."""
        declared = values.get("TIMEOUT")
        if declared == 0:
            return NO_LIMIT
        if not isinstance(declared, int | float) or not declared > 0:
            declared = None
        return self._timeouts.of([*values.get("LABELS", ()), "ctest"], declared, default=self._default)

    def runtime(self, name: str, values: Mapping[str, Any]) -> float | None:
        """Return the expected run time of the test `name` in seconds, or None if it is unknown.

        COST counts if ctest has not measured the test. A project writes there an estimate in seconds, or any number
        that puts long tests first. Both work, because the value is capped at the time limit.
        """
        cost = values.get("COST")
        guess = min(cost, self.timeout(values)) if isinstance(cost, int | float) else 0.0
        expected = self._measured.get(name, guess)
        if expected > 0:
            return float(expected)
        return DEFAULT_TIMEOUT * _USUAL_SHARE if values.get("TIMEOUT") == 0 else None


def _default_timeout(file: Path) -> float:
    found = re.search(r"^TimeOut: *(\d+)\s*$", _text(file), re.MULTILINE)
    return float(found.group(1)) if found and int(found.group(1)) else DEFAULT_TIMEOUT


def _measured(file: Path) -> dict[str, float]:
    """Return the mean seconds of passed runs by test name."""
    found = {}
    for line in _text(file).partition("---")[0].splitlines():
        parts = re.fullmatch(r"(.+) (\d+) ([0-9.e+-]+)", line)
        if parts and int(parts.group(2)):
            try:
                seconds = float(parts.group(3))
            except ValueError:
                continue
            if math.isfinite(seconds):
                found[parts.group(1)] = seconds
    return found


def _text(file: Path) -> str:
    try:
        return read_plain(file, follow=True, most=LARGEST_INPUT).decode(errors="replace")
    except OSError:
        return ""
