"""From Snakemake's log records to `submission.json`: the id under which a batch was submitted, and refusals.

The end of a Slurm job is recorded, too, because nodes may not be allowed to query it; and so is the fact that a stopped
Snakemake cancelled its jobs, which nobody else learns in a parent workflow.

Source: the fields of the events ``job_info``, ``job_finished`` and ``job_error``; `messages` parses the rest.
"""

import logging
import time
from pathlib import Path
from typing import Any

import msgspec

from canary_wf.errors import CanaryWfError
from canary_wf.files.json_files import read_json
from canary_wf.hooks.user_hooks import UserHooks, own_hooks
from canary_wf.recovery.user_stop import STOP_MESSAGE, cancel_submissions, note_user_stop, retract_user_stop
from canary_wf.resources.slurm.jobs import ask_states, ended
from canary_wf.state.session_paths import SessionPaths
from canary_wf.state.submission import note_ended, note_submitted
from canary_wf.state.trust import require_trusted
from snakemake_logger_plugin_canary.messages import batch_of_command, reason_in, state_in, submitted


class _HookSettings(msgspec.Struct, frozen=True):
    hooks: tuple[str, ...] = ()
    hooks_signature: str = ""


class SubmissionNotes:
    """Writes `submission.json` of each batch that one Snakemake submits; `session` is that of its newest batch."""

    def __init__(self) -> None:
        self.session: SessionPaths | None = None
        self._batches: dict[int, tuple[SessionPaths, str]] = {}
        self._hooks: dict[str, UserHooks] = {}
        self._open: dict[int, str] = {}
        self._ended: dict[str, str] = {}
        self._stopped: float | None = None
        self._finished: set[int] = set()

    def running_here(self) -> list[tuple[SessionPaths, str]]:
        """Return the batches that have started and not ended, except those submitted to a cluster."""
        known = list(self._batches.items())
        return [batch for job, batch in known if job not in self._finished and job not in self._open]

    def hear(self, record: logging.LogRecord) -> None:
        """Process one record. Raises CanaryWfError when a file cannot be written."""
        event = str(getattr(record, "event", ""))
        if event == "job_info":
            self._learn(record)
        elif event == "job_finished":
            self._end(int(getattr(record, "job_id", -1)), record.created)
        elif event == "job_error":
            self._fail(int(getattr(record, "jobid", -1)), record)
        elif not event:
            self._read(record.getMessage(), record.created)

    def close(self, *, stopped_twice: bool = False) -> None:
        """Cancel what a stopped Snakemake left in the queue; with `stopped_twice`, it will not run again."""
        if self._stopped is None:
            return
        stopped, self._stopped = self._stopped, None
        now = time.time()
        for paths in self._sessions():
            if stopped_twice:
                retract_user_stop(paths, stopped)
            else:  # submissions of the last moment were cancelled, too
                note_user_stop(paths, now)
        cancel_submissions((paths.batch(batch).submission for paths, batch in self._batches.values()), now)

    def _learn(self, record: logging.LogRecord) -> None:
        """Note the batch of a Snakemake job; its command names it, whatever the prefix of the rule."""
        found = batch_of_command(getattr(record, "shellcmd", None) or "")
        if found is not None:
            plan, batch = found
            try:
                session = SessionPaths.of_plan(plan)
                require_trusted(session.out, [session.session])
            except CanaryWfError:
                return  # `run-batch` reports it
            self.session = session
            job = int(getattr(record, "jobid", -1))
            self._batches[job] = (session, batch)
            self._finished.discard(job)

    def _read(self, message: str, now: float) -> None:
        """Parse a message whose information is in no field of the record."""
        for job, slurm_id in submitted(message):
            if job in self._batches:
                note_submitted(self._file(job), now, slurm_id)
                self._open[job] = slurm_id
                self._call_hooks("batch_submitted", job, {"time": now, "slurm_job_id": slurm_id})
        if message.startswith(STOP_MESSAGE):
            self._stopped = now
            for paths in self._sessions():
                note_user_stop(paths, now)

    def _fail(self, job: int, record: logging.LogRecord) -> None:
        message = str(getattr(record, "rule_msg", None) or "")
        self._end(job, record.created, reason_in(message), self._state(job, message))

    def _state(self, job: int, message: str) -> str | None:
        """Return how the Slurm job of `job` ended, from Snakemake's message or else from Slurm."""
        name = self._open.get(job)
        if name is None:
            return None
        state = None if "_" in name else state_in(message)  # for an array, the message may be about another task
        if state is not None:
            return state if ended(state) else None
        if name not in self._ended:
            answers = ask_states(self._open.values())
            self._ended |= {other: state for other, state in answers.items() if ended(state)}
        return self._ended.get(name)

    def _end(self, job: int, now: float, reason: str | None = None, state: str | None = None) -> None:
        if job in self._batches:
            note_ended(self._file(job), now, reason, state)
            self._open.pop(job, None)
            self._finished.add(job)
            self._call_hooks("submission_ended", job, {"time": now, "reason": reason})

    def _file(self, job: int) -> Path:
        paths, batch = self._batches[job]
        return paths.batch(batch).submission

    def _sessions(self) -> list[SessionPaths]:
        return list({paths.plan: paths for paths, _ in self._batches.values()}.values())

    def _call_hooks(self, event: str, job: int, fields: dict[str, Any]) -> None:
        """Call the user hooks, which are listed in each slice of the plan."""
        paths, batch = self._batches[job]
        hooks = self._hooks.get(str(paths.plan))
        if hooks is None:
            settings: _HookSettings = read_json(paths.slice(batch), _HookSettings)
            names = own_hooks(paths.session, settings.hooks, settings.hooks_signature)
            hooks = UserHooks(names, {"session": paths.session, "out": str(paths.out)}, {})
            self._hooks[str(paths.plan)] = hooks
        hooks.call(event, {"batch": batch, **fields})
