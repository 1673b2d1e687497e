"""From Snakemake's log records to `submission.json`: which batch was submitted under which id, and what was refused.

Facts: the fields of the events ``job_info``, ``job_finished`` and ``job_error``, and the messages with which the
executors `slurm` and `cluster-generic` tell a job's id; the id stands in no field.
"""

import logging
import re
import shlex
from pathlib import Path
from typing import Any

import msgspec

from canary_wf.errors import CanaryWfError, one_line
from canary_wf.hooks.user_hooks import UserHooks
from canary_wf.job.submission import note_ended, note_submitted
from canary_wf.json_files import read_json
from canary_wf.session_paths import SessionPaths

_ONE = re.compile(r"Job (\d+) has been submitted with SLURM jobid (\S+)")
_GENERIC = re.compile(r"Submitted job (\d+) with external jobid '([^']+)'")
_RESUMED = re.compile(r"Resuming incomplete job (\d+) with external jobid '([^']+)'")
_ARRAY = re.compile(
    r"Submitted array job with Snakemake IDs ([\d,]+) and SLURM job ID (\d+)\. The individual task IDs are (\d+)-"
)
_REFUSED = re.compile(
    r"(?:error message was '(?P<slurm>.*?)'\.?\s*(?:sbatch call|$)"
    r"|Error submitting jobscript \([^)]*\):(?P<generic>.*))",
    re.DOTALL,
)
_SAYS_NOTHING = ("For further error details", "None")
_LONGEST = 300


class _Hooks(msgspec.Struct, frozen=True):
    hooks: tuple[str, ...] = ()


class SubmissionNotes:
    """Keeps `submission.json` of each batch that one Snakemake submits; `session` is the one its batches are of."""

    def __init__(self) -> None:
        self.session: SessionPaths | None = None
        self._files: dict[int, Path] = {}
        self._hooks: UserHooks | None = None

    def hear(self, record: logging.LogRecord) -> None:
        """Take one record into account. Raises CanaryWfError when a file cannot be written."""
        event = str(getattr(record, "event", ""))
        if event == "job_info":
            self._learn(record)
        elif event == "job_finished":
            self._end(int(getattr(record, "job_id", -1)), record.created, None)
        elif event == "job_error":
            self._end(int(getattr(record, "jobid", -1)), record.created, _reason(record))
        elif not event:
            for job, slurm_id in submitted(record.getMessage()):
                if job in self._files:
                    note_submitted(self._files[job], record.created, slurm_id)
                    self._tell("batch_submitted", job, {"time": record.created, "slurm_job_id": slurm_id})

    def _learn(self, record: logging.LogRecord) -> None:
        """Remember which batch a job of Snakemake's is; the command that it runs says so, whatever the prefix."""
        found = batch_of_command(getattr(record, "shellcmd", None) or "")
        if found is not None:
            plan, batch = found
            try:
                self.session = SessionPaths.of_plan(plan)
            except CanaryWfError:
                return
            self._files[int(getattr(record, "jobid", -1))] = self.session.batch(batch).submission

    def _end(self, job: int, now: float, reason: str | None) -> None:
        if job in self._files:
            note_ended(self._files[job], now, reason)
            self._tell("submission_ended", job, {"time": now, "reason": reason})

    def _tell(self, event: str, job: int, fields: dict[str, Any]) -> None:
        """Tell the user's hooks, which stand in each slice of the plan."""
        paths, batch = self.session, self._files[job].parent.name
        if paths is None:
            return
        if self._hooks is None:
            part: _Hooks = read_json(paths.slice(batch), _Hooks)
            context = {"session": paths.session, "out": str(paths.out)}
            self._hooks = UserHooks(part.hooks, context, {})
        self._hooks.tell(event, {"batch": batch, **fields})


def submitted(message: str) -> list[tuple[int, str]]:
    """Return Snakemake's and the scheduler's ids of the jobs that `message` says were submitted."""
    for pattern in (_ONE, _GENERIC, _RESUMED):
        found = pattern.match(message)
        if found is not None:
            return [(int(found[1]), found[2])]
    array = _ARRAY.match(message)
    if array is None:
        return []
    jobs = [int(number) for number in array[1].split(",") if number]
    first = int(array[3])
    # The ids of all jobs stand in the message of each part of an array; those of this part begin at its first task.
    return [(job, f"{array[2]}_{first + place}") for place, job in enumerate(jobs[first - 1 :] if first > 1 else jobs)]


def batch_of_command(command: str) -> tuple[Path, str] | None:
    """Return the plan and batch of a rule's `command`, or None when it runs no batch."""
    if " run-batch " not in command:
        return None
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    if "run-batch" not in words[:-1] or "--plan" not in words[:-1]:
        return None
    return Path(words[words.index("--plan") + 1]), words[words.index("run-batch") + 1]


def _reason(record: logging.LogRecord) -> str:
    """Return in a line why a job of Snakemake's failed, as the executor tells it."""
    message = str(getattr(record, "rule_msg", None) or "")
    refused = _REFUSED.search(message)
    if refused is not None:
        return f"refused by Slurm: {_in_a_line(refused['slurm'] or refused['generic'] or '')}"
    told = _in_a_line(message)
    return "its Slurm job failed" if not told or told.startswith(_SAYS_NOTHING) else told


def _in_a_line(text: str) -> str:
    return one_line(" ".join(text.split()))[:_LONGEST]
