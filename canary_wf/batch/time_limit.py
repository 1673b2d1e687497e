"""What a batch is allowed to take: its simulated length, a margin, and room for one job that hangs."""

import math
from collections.abc import Sequence

MARGIN = 1.25
"""How much longer than simulated a batch may take before it runs into its limit."""

START_UP = 60.0
"""Seconds a batch is allowed for starting and for slow file systems."""


def time_limit(length: float, jobs: Sequence[tuple[float, float]]) -> float:
    """Return the limit (seconds, whole minutes) of a batch of simulated `length` with ``(runtime, timeout)`` jobs.

    There is room for a margin over the schedule and for any one job to run into its own time limit, so that one that
    hangs does not take the others with it.
    """
    slack = max((timeout - runtime for runtime, timeout in jobs), default=0.0)
    return 60.0 * math.ceil((MARGIN * length + slack + START_UP) / 60.0)
