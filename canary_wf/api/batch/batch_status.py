"""The verdict on a batch, which follows from those of its jobs."""

from collections import Counter
from collections.abc import Iterable
from typing import Self

import msgspec

from canary_wf.verdict.status import Category, Outcome, Status


class BatchStatus(Status, frozen=True):
    """A verdict with the number of jobs in each category; jobs without a verdict count as NONE."""

    counts: dict[str, int] = msgspec.field(default_factory=dict)

    @classmethod
    def of_jobs(cls, verdicts: Iterable[Status]) -> Self:
        """Return what the `verdicts` of its jobs make of a batch that is over.

        A job that failed makes it FAILED; else one without a verdict or to be run again INTERRUPTED; else one that
        was cancelled CANCELLED; a batch of which nothing ran is SKIPPED or BLOCKED; any other is a SUCCESS.
        """
        verdicts = list(verdicts)
        outcomes = Counter(status.outcome for status in verdicts)
        counts = count_categories(verdicts)
        unfinished = outcomes[Outcome.NONE] + outcomes[Outcome.INTERRUPTED]
        total = len(verdicts)
        if counts[Category.FAIL]:
            found, reason = Outcome.FAILED, f"{counts[Category.FAIL]} of {total} jobs failed"
        elif unfinished:
            found, reason = Outcome.INTERRUPTED, f"{unfinished} of {total} jobs have no lasting verdict"
        elif outcomes[Outcome.CANCELLED]:
            found, reason = Outcome.CANCELLED, f"{outcomes[Outcome.CANCELLED]} of {total} jobs were cancelled"
        elif counts[Category.SKIP] == total:
            found = Outcome.BLOCKED if outcomes[Outcome.BLOCKED] else Outcome.SKIPPED
            reason = f"none of its {total} jobs could run"
        else:
            return cls(Outcome.SUCCESS, None, int(Outcome.SUCCESS), counts)
        return cls(found, reason, int(found), counts)


def count_categories(verdicts: Iterable[Status]) -> dict[str, int]:
    """Return how many of the `verdicts` are in each category."""
    found = Counter(status.category for status in verdicts)
    return {category.value: found.get(category, 0) for category in Category}
