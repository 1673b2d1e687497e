"""Why batches that were submitted do not run yet: Slurm's reason, for `status` and its live view.

The controller is asked once for all of them, and seldom; when it does not answer, nothing is said.
"""

import time
from collections import Counter
from collections.abc import Iterator

import msgspec

from canary_wf.report.session import SessionState
from canary_wf.resources.slurm.jobs import Place, ask_places
from canary_wf.verdict.status import JobPhase, Outcome, Status
from canary_wf.wording import count

PAUSE = 30.0
"""Seconds between two questions of one live view, and ten times as many after one that was not answered."""

_WAITING = frozenset({"PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT"})
_BEGINS = frozenset({"RUNNING", "CONFIGURING", "COMPLETING", "STAGE_OUT"})


class SlurmQueue:
    """What Slurm says of the submitted batches of one session."""

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}
        self._next = 0.0

    def explain(self, state: SessionState) -> SessionState:
        """Return `state` with the reasons of jobs whose batches were submitted and have not begun."""
        submitted = {
            job: record
            for job, record in state.records.items()
            if record.phase is JobPhase.SUBMITTED and record.slurm_job_id is not None
        }
        if submitted and time.monotonic() >= self._next:
            places = ask_places(record.slurm_job_id or "" for record in submitted.values())
            self._next = time.monotonic() + (PAUSE if places is not None else 10 * PAUSE)
            self._places = places or {}
        told = {
            job: msgspec.structs.replace(record, status=Status(Outcome.NONE, reason))
            for job, record in submitted.items()
            if (reason := self._reason(record.slurm_job_id or "")) is not None
        }
        return msgspec.structs.replace(state, records=state.records | told) if told else state

    def _reason(self, job: str) -> str | None:
        place = self._places.get(job)
        if place is None or place.state in _BEGINS:
            return None
        if place.state in _WAITING:
            return f"waits in Slurm's queue: {place.reason}"
        return f"Slurm job {job} is {place.state}"


def queue_lines(state: SessionState) -> Iterator[str]:
    """Yield a line for each reason for which submitted batches of an explained `state` wait."""
    batches = {job.batch: state.record(job) for job in state.plan.jobs if state.record(job).phase is JobPhase.SUBMITTED}
    reasons = Counter(record.status.reason for record in batches.values() if record.status.reason)
    for reason, number in reasons.most_common():
        yield f"{count(number, 'batch', 'batches')}: {reason}"
