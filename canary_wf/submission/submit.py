"""Calling `sbatch` until it took a job or refused it for good, and returning the id of the job."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from canary_wf.durations import format_duration
from canary_wf.errors import CanaryWfError, one_line
from canary_wf.resources.slurm.jobs import cancel
from canary_wf.resources.slurm.text import ask_slurm
from canary_wf.submission.answer import Passing, Patience, job_id_in, passing
from canary_wf.submission.search_path import slurms_program, without_ours
from canary_wf.submission.start import for_submission

NOTE = Path(".snakemake/canary-wf-not-taken")
"""Since when no submission of the workflow in this folder was taken."""


class SubmissionError(CanaryWfError):
    """A job was not submitted; the message is what `sbatch` said, and what to do."""


class Label(NamedTuple):
    """The name and comment of a job, by which it is found in the queue when its id is not known."""

    name: str
    comment: str

    def jobs(self) -> list[str]:
        """Return the jobs of this user that wait or run under the label."""
        answer = ask_slurm("squeue", "--me", "--noheader", f"--name={self.name}", "--format=%F|%k")
        pairs = (line.strip().partition("|") for line in answer.text.splitlines())
        return sorted({job for job, _, comment in pairs if comment == self.comment})


def submit(
    command: Sequence[str],
    label: Label,
    *,
    script: bytes | None = None,
    environment: Mapping[str, str] = os.environ,
    note: Path = NOTE,
    shown: Path | None = None,
) -> str:
    """Return the id of the job that `command` submits, which begins with ``sbatch``; `script` goes to its input.

    What fails for a passing reason is tried again, with pauses that grow; `shown` is the file that says so meanwhile,
    where nobody sees what is written to standard error. Raises SubmissionError for what Slurm
    refuses, what it does not take in time, and an answer that tells no id; a job behind such an answer is taken back.
    """
    patience = Patience(note, shown)
    program = slurms_program("sbatch", environment)
    if program is None:
        raise SubmissionError("there is no sbatch on the PATH", hint="submit on a machine of the cluster")
    called = for_submission(without_ours(environment))
    try:
        return _until_taken([program, *command[1:]], script or b"", called, label, patience)
    finally:
        patience.over()


def _until_taken(
    command: Sequence[str], script: bytes, environment: Mapping[str, str], label: Label, patience: Patience
) -> str:
    while True:
        done = subprocess.run(command, input=script, capture_output=True, check=False, env=environment)
        output, told = done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
        if not done.returncode:
            patience.taken()
            return job_id_in(output) or _found_or_taken_back(label, output)
        why = " ".join((told.strip() or output.strip()).split())
        kind = passing(why)
        if kind is None:
            raise SubmissionError(why or f"sbatch ended with exit code {done.returncode}")
        if (found := _only(label.jobs())) is not None:  # it was taken, and only the answer was lost
            patience.taken()
            return found
        _wait(patience, kind, label, why)


def _wait(patience: Patience, kind: Passing, label: Label, why: str) -> None:
    pause = patience.next_pause(kind)
    limit = format_duration(patience.limit(kind))
    if pause is None:
        help_ = "the next snakemake submits it and runs nothing again"
        if kind is Passing.LIMIT:
            help_ += "; `jobs: N` in the profile keeps below the limit"
        raise SubmissionError(f"{why} (Slurm took no batch for {limit})", hint=help_)
    patience.show(kind, why)
    sys.stderr.write(f"canary-wf: {label.name} waits to be submitted, next try in {pause:.0f} s: {one_line(why)}\n")
    sys.stderr.flush()
    time.sleep(pause)


def _found_or_taken_back(label: Label, output: str) -> str:
    """Return the id of the one job in the queue with `label`, where the answer to its submission had no id."""
    jobs = label.jobs()
    found = _only(jobs)
    if found is not None:
        return found
    cancel(jobs)
    shown = one_line(" ".join(output.split()))[:100]
    what = f"sbatch printed no job id that is one for certain: {shown!r}"
    taken_back = (
        f"jobs {', '.join(jobs)} were taken back" if jobs else f"look for a job with squeue --me --name={label.name}"
    )
    raise SubmissionError(what, hint=f"{taken_back}; see what a wrapper of sbatch prints")


def _only(jobs: Sequence[str]) -> str | None:
    return jobs[0] if len(jobs) == 1 else None
