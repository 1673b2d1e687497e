"""The result of a batch: a small file, written last, that says the batch is through with all its jobs."""

import time
from collections import Counter
from pathlib import Path

import msgspec

from canary_wf.files.json_files import write_json
from canary_wf.spec.batch_slice import BatchSlice
from canary_wf.state.journal import BatchState

SCHEMA = "canary-wf/result/1"


class BatchResult(msgspec.Struct, frozen=True, kw_only=True):
    """When the batch ran (epoch seconds), in how many attempts, and how many jobs ended in which category."""

    schema: str = SCHEMA
    session: str
    batch: str
    started: float
    finished: float
    attempts: int
    counts: dict[str, int]


def write_result(path: Path, part: BatchSlice, state: BatchState, started: float) -> None:
    """Write the result of the batch of `part`; its bytes are on the disk before the name is there."""
    counts = Counter(state.record(job.id).status.category.value for job in part.jobs)
    result = BatchResult(
        session=part.session,
        batch=part.batch.id,
        started=started,
        finished=time.time(),
        attempts=len(state.attempts),
        counts=dict(counts),
    )
    write_json(path, result, sync=True)
