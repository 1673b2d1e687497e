"""Why submitted batches do not run yet: Slurm's reason, for `status` and its live view.

The controller is asked rarely, once for all batches. If it does not answer, nothing is shown.
"""

import time
from collections import Counter
from collections.abc import Collection, Iterator

import msgspec

from canary_wf.report.session import SessionState
from canary_wf.resources.slurm.jobs import QueueEntry, ask_queue
from canary_wf.verdict.status import JobPhase, Outcome, Status
from canary_wf.wording import count

PAUSE = 30.0
"""Seconds between two queries of one live view; ten times as many after a query without an answer."""

_WAITING = frozenset({"PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT"})
_BEGINS = frozenset({"RUNNING", "CONFIGURING", "COMPLETING", "STAGE_OUT"})


class SlurmQueue:
    """Slurm's answers about the submitted batches of one session."""

    def __init__(self) -> None:
        self._entries: dict[str, QueueEntry] = {}
        self._next = 0.0

    @property
    def is_due(self) -> bool:
        """Whether Slurm would be asked again."""
        return time.monotonic() >= self._next

    def look(self, submitted: Collection[str]) -> None:
        """Ask about the Slurm jobs with the ids `submitted`, unless Slurm was asked a moment ago."""
        if submitted and self.is_due:
            entries = ask_queue(submitted)
            self._next = time.monotonic() + (PAUSE if entries is not None else 10 * PAUSE)
            self._entries = entries or {}

    def explain(self, state: SessionState) -> SessionState:
        """Return `state` with reasons for the jobs whose batches were submitted and have not started."""
        submitted = {
            job: record
            for job, record in state.records.items()
            if record.phase is JobPhase.SUBMITTED and record.slurm_job_id is not None
        }
        self.look({record.slurm_job_id or "" for record in submitted.values()})
        explained = {
            job: msgspec.structs.replace(record, status=Status(Outcome.NONE, reason))
            for job, record in submitted.items()
            if (reason := self.reason(record.slurm_job_id or "")) is not None
        }
        return msgspec.structs.replace(state, records=state.records | explained) if explained else state

    def reason(self, job: str) -> str | None:
        """Return why the Slurm job `job` has not started, as far as Slurm has said it."""
        entry = self._entries.get(job)
        if entry is None or entry.state in _BEGINS:
            return None
        if entry.state in _WAITING:
            return f"waits in Slurm's queue: {entry.reason}"
        return f"Slurm job {job} is {entry.state}"


def queue_lines(state: SessionState) -> Iterator[str]:
    """Yield a line for each reason why submitted batches of an explained `state` wait."""
    batches = {job.batch: state.record(job) for job in state.plan.jobs if state.record(job).phase is JobPhase.SUBMITTED}
    reasons = Counter(record.status.reason for record in batches.values() if record.status.reason)
    for reason, number in reasons.most_common():
        yield f"{count(number, 'batch', 'batches')}: {reason}"
