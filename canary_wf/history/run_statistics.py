"""What the durations of a job's runs say together, whatever single odd runs among them say.

The middle is the median, the spread the median absolute deviation scaled to the standard deviation of a normal
distribution: both stay where they are while fewer than half of the runs are odd (breakdown point 50 %), where one run
on a slow node would move a mean or a standard deviation without bound. A run is odd when its modified z-score is above
3.5 (Iglewicz and Hoaglin, "How to detect and handle outliers", 1993); the mean is that of the others.
"""

from collections.abc import Sequence
from statistics import fmean, median

import msgspec

_TO_SIGMA = 1.4826
_ODD = 3.5
_LEAST_SPREAD = 0.02
"""Part of the median below which runs do not differ: clocks and file systems do that much."""


class RunStatistics(msgspec.Struct, frozen=True):
    """Seconds: the median, the mean of the runs that are not odd, and the spread (one robust standard deviation)."""

    count: int
    median: float
    mean: float
    spread: float
    odd: int


def statistics_of(durations: Sequence[float]) -> RunStatistics:
    """Return what `durations` (seconds, at least one) say together."""
    middle = median(durations)
    spread = _TO_SIGMA * median(abs(seconds - middle) for seconds in durations)
    limit = _ODD * max(spread, _LEAST_SPREAD * middle)
    usual = [seconds for seconds in durations if abs(seconds - middle) <= limit]
    # With two far apart neither is usual, and both are all that is known.
    return RunStatistics(len(durations), middle, fmean(usual or durations), spread, len(durations) - len(usual))
