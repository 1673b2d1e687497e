"""A batch's state as data: its one state file, and what travels between processes."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from canary_wf.api.batch.batch_status import BatchStatus
from canary_wf.api.job.stored import convert
from canary_wf.errors import WorkspaceError
from canary_wf.files.json_files import read_json
from canary_wf.verdict.status import JobPhase, Outcome

if TYPE_CHECKING:
    from canary_wf.api.batch.testbatch import TestBatch

STATE_FILE = "batch.json"


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


def state_of(batch: "TestBatch") -> dict[str, Any]:
    """Return everything about `batch` but its jobs' own states, as JSON can hold it."""
    status, keeper = batch.status, batch.timekeeper
    return {
        "id": batch.id,
        "session": batch.spec.session,
        "layout": batch.spec.layout,
        "phase": batch.state.phase.value,
        "category": status.category.value,
        "outcome": status.outcome.name,
        "reason": status.reason,
        "code": status.code,
        "counts": dict(status.counts),
        "jobid": batch.jobid,
        "runtime": batch.runtime,
        "time_limit": batch.timeout,
        "submitted": keeper.submitted,
        "started": keeper.started,
        "finished": keeper.finished,
        "resources": batch.allocation.last,
        "measurements": dict(batch.measurements.data),
        "rparameters": dict(batch.spec.rparameters),
        "dependencies": [dependency.id for dependency in batch.dependencies],
        "workspace": batch.workspace.getstate(),
        "jobs": [job.id for job in batch.jobs],
    }


def apply_state(batch: "TestBatch", data: Mapping[str, Any]) -> None:
    """Take over from `data` what changes while a batch runs.

    Raises WorkspaceError for another batch's state and for what is not the state of a batch; nothing changes then.
    """
    if not isinstance(data, Mapping):
        raise WorkspaceError(f"is a {type(data).__name__}, not the state of a batch", where=f"batch {batch.id}")
    if data.get("id") != batch.id:
        raise WorkspaceError(f"is the state of batch {data.get('id')}", where=f"batch {batch.id}")
    state: StoredBatch = convert(data, StoredBatch, f"batch {batch.id}", "batch")
    if state.outcome not in Outcome.__members__:
        raise WorkspaceError(f"outcome {state.outcome!r} is not known", where=f"batch {batch.id}")
    batch.status = BatchStatus(Outcome[state.outcome], state.reason, state.code, state.counts)
    batch.state.phase = state.phase
    batch.jobid, batch.runtime = state.jobid, state.runtime
    keeper = batch.timekeeper
    keeper.submitted, keeper.started, keeper.finished = state.submitted, state.started, state.finished
    batch.allocation.last = state.resources
    batch.measurements.data = dict(state.measurements)


def read_state(folder: Path) -> dict[str, Any]:
    """Return the content of the state file in a batch's `folder`. Raises WorkspaceError when missing or damaged."""
    found: dict[str, Any] = read_json(folder / STATE_FILE, dict[str, Any])
    return found
