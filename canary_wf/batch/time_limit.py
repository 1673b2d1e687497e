"""What a batch is allowed to take: its simulated length, a margin, and room for one job that hangs."""

import math
from collections.abc import Sequence
from typing import NamedTuple

MARGIN = 1.25
"""How much longer than simulated a batch may take before it runs into its limit."""

START_UP = 60.0
"""Seconds a batch is allowed for starting and for slow file systems."""


class Again(NamedTuple):
    """How often a job may be run again: `runs` times after ending by itself, `hangs` times after hanging."""

    runs: int = 0
    hangs: int = 0


ONCE = Again()


def time_limit(length: float, jobs: Sequence[tuple[float, float]], again: Again = ONCE) -> float:
    """Return the limit (seconds, whole minutes) of a batch of simulated `length` with ``(runtime, timeout)`` jobs.

    There is room for a margin over the schedule and for any one job to run into its own time limit, so that one that
    hangs does not take the others with it. With retries there is room for all jobs to use up those after runs that
    ended by themselves, and for one job to hang in each of its runs.
    """
    slack = max((0.0, *((1 + again.hangs) * timeout - runtime for runtime, timeout in jobs)))
    return 60.0 * math.ceil((MARGIN * length * (1 + again.runs) + slack + START_UP) / 60.0)
