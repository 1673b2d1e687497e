"""The time limit of a batch: its simulated length, a margin, and room for one job that hangs."""

import math
from collections.abc import Sequence
from typing import NamedTuple

MARGIN = 1.25
"""Factor by which a batch may exceed its simulated length before it reaches its limit."""

START_UP = 60.0
"""Seconds allowed for starting a batch and for slow file systems."""


class Retries(NamedTuple):
    """How often a job may be retried: `runs` times after it ended by itself, `hangs` times after it hung."""

    runs: int = 0
    hangs: int = 0


NO_RETRIES = Retries()


def time_limit(length: float, jobs: Sequence[tuple[float, float]], retries: Retries = NO_RETRIES) -> float:
    """Return the limit (seconds, whole minutes) of a batch of simulated `length` with ``(runtime, timeout)`` jobs.

    The limit has a margin over the schedule, and room for any one job to reach its own time limit, so that a job that
    hangs does not end the others. With retries, it has room for all jobs to use up the retries after runs that ended
    by themselves, and for one job to hang in each of its runs.
    """
    slack = max((0.0, *((1 + retries.hangs) * timeout - runtime for runtime, timeout in jobs)))
    return 60.0 * math.ceil((MARGIN * length * (1 + retries.runs) + slack + START_UP) / 60.0)
