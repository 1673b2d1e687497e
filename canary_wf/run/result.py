"""The result of a batch: a small file, written last, which says that all jobs of the batch are done."""

import time
from collections import Counter
from pathlib import Path

import msgspec

from canary_wf.files.json_files import write_json
from canary_wf.spec.batch_slice import BatchSlice
from canary_wf.state.journal import BatchState

SCHEMA = "canary-wf/result/1"


class BatchResult(msgspec.Struct, frozen=True, kw_only=True):
    """The times of the batch (epoch seconds), its number of attempts, and the number of jobs by category."""

    schema: str = SCHEMA
    session: str
    batch: str
    started: float
    finished: float
    attempts: int
    counts: dict[str, int]


def write_result(path: Path, batch_slice: BatchSlice, state: BatchState, started: float) -> None:
    """Write the result of the batch of `batch_slice`; the content is on disk before the name appears."""
    counts = Counter(state.record(job.id).status.category.value for job in batch_slice.jobs)
    result = BatchResult(
        session=batch_slice.session,
        batch=batch_slice.batch.id,
        started=started,
        finished=time.time(),
        attempts=len(state.attempts),
        counts=dict(counts),
    )
    write_json(path, result, sync=True)
