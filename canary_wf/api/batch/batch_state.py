"""Where a batch stands: its verdict, which follows from those of its jobs, and what of its state file changes."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Self

import msgspec

from canary_wf.api.job.record_view import convert
from canary_wf.errors import WorkspaceError
from canary_wf.verdict.status import Category, JobPhase, Outcome, Status


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


class StoredBatch(msgspec.Struct, frozen=True):
    """The part of a batch's state that changes."""

    phase: JobPhase
    outcome: str
    reason: str | None
    code: int
    counts: dict[str, int]
    jobid: str | None
    runtime: float
    submitted: float | None
    started: float | None
    finished: float | None
    resources: dict[str, list[dict[str, Any]]]
    measurements: dict[str, Any]


def stored_batch(data: Mapping[str, Any], batch: str) -> StoredBatch:
    """Return what `data` says of the batch with this id.

    Raises WorkspaceError for another batch's state and for what is not the state of a batch.
    """
    where = f"batch {batch}"
    if not isinstance(data, Mapping):
        raise WorkspaceError(f"is a {type(data).__name__}, not the state of a batch", where=where)
    if data.get("id") != batch:
        raise WorkspaceError(f"is the state of batch {data.get('id')}", where=where)
    state: StoredBatch = convert(data, StoredBatch, where, "batch")
    if state.outcome not in Outcome.__members__:
        raise WorkspaceError(f"outcome {state.outcome!r} is not known", where=where)
    return state
