"""Submissions to a scheduler: `submission.json` of a batch, written by whoever submits or withdraws it.

The file is informative; nothing that must be right depends on it. It tells since when a batch has waited, under which
id, and why a submission failed.
"""

import os
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec

from canary_wf.errors import WorkspaceError
from canary_wf.files.json_files import read_json, write_json
from canary_wf.files.locks import file_lock
from canary_wf.state.events import LATEST

MOST_KEPT = 20
"""Number of submissions of one batch that are kept, the newest ones."""


class SubmissionRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """One submission: its time (epoch seconds), the scheduler's id for it, and when and why it ended.

    A refused submission has no id. `reason` is the message of Snakemake or the scheduler, None when all went well.
    `state` is the state of a Slurm job that ended badly, if the submitter could learn it.
    """

    time: float
    slurm_job_id: str | None = None
    ended: float | None = None
    reason: str | None = None
    state: str | None = None


class _File(msgspec.Struct, frozen=True):
    submissions: tuple[SubmissionRecord, ...] = ()


def read_submissions(path: Path) -> tuple[SubmissionRecord, ...]:
    """Return the submissions in the file at `path`, oldest first; none for a missing or damaged file."""
    if not os.path.lexists(path):
        return ()
    try:
        file: _File = read_json(path, _File)
    except WorkspaceError:
        return ()
    return tuple(each for each in file.submissions if _is_sound(each))


def _is_sound(submission: SubmissionRecord) -> bool:
    return all(time is None or 0 <= time <= LATEST for time in (submission.time, submission.ended))


def note_submitted(path: Path, now: float, slurm_job_id: str | None) -> None:
    """Add a submission to the file at `path`. Raises WorkspaceError when it cannot be written."""
    with _lock(path):
        _write(path, (*read_submissions(path), SubmissionRecord(now, slurm_job_id)))


def note_ended(path: Path, now: float, reason: str | None, state: str | None = None) -> None:
    """Note that the newest submission has ended, or, if none is open, that one was refused for `reason`.

    `state` is Slurm's state of the job, if known and bad.
    """
    with _lock(path):
        before = read_submissions(path)
        if before and before[-1].ended is None:
            _write(path, (*before[:-1], msgspec.structs.replace(before[-1], ended=now, reason=reason, state=state)))
        elif reason is not None:
            _write(path, (*before, SubmissionRecord(now, ended=now, reason=reason)))


def _lock(path: Path) -> AbstractContextManager[None]:
    return file_lock(path.with_suffix(".lock"))


def _write(path: Path, submissions: tuple[SubmissionRecord, ...]) -> None:
    write_json(path, _File(submissions[-MOST_KEPT:]))
