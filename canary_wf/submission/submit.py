"""Calling `sbatch` until it accepts a job or refuses it for good, and returning the id of the job."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from canary_wf.durations import format_duration
from canary_wf.errors import CanaryWfError, one_line
from canary_wf.resources.slurm.command import ask_slurm
from canary_wf.resources.slurm.jobs import cancel
from canary_wf.submission.answer import RetryBudget, TemporaryFailure, job_id_in, temporary_failure
from canary_wf.submission.search_path import slurm_program, without_wrappers
from canary_wf.submission.start import for_submission

NOTE = Path(".snakemake/canary-wf-not-taken")
"""Holds the time since when no submission of the workflow in this folder was accepted."""


class SubmissionError(CanaryWfError):
    """A job was not submitted; the message is that of `sbatch`, with what to do."""


class Label(NamedTuple):
    """The name and comment of a job, by which it is found in the queue if its id is unknown."""

    name: str
    comment: str

    def jobs(self) -> list[str]:
        """Return the jobs of this user that wait or run with this label."""
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
    """Submit a job with `command` (``sbatch`` and its options) and return its id; `script` goes to standard input.

    Temporary failures are retried with growing pauses. The file `shown`, if given, contains the reason meanwhile,
    for callers whose standard error nobody sees. Raises SubmissionError if Slurm refuses the job, does not accept it in
    time, or gives no id; in that last case the job is cancelled.
    """
    budget = RetryBudget(note, shown)
    program = slurm_program("sbatch", environment)
    if program is None:
        raise SubmissionError("there is no sbatch on the PATH", hint="submit on a machine of the cluster")
    called = for_submission(without_wrappers(environment))
    try:
        return _until_accepted([program, *command[1:]], script or b"", called, label, budget)
    finally:
        budget.over()


def _until_accepted(
    command: Sequence[str], script: bytes, environment: Mapping[str, str], label: Label, budget: RetryBudget
) -> str:
    while True:
        done = subprocess.run(command, input=script, capture_output=True, check=False, env=environment)
        output, message = done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
        if not done.returncode:
            budget.accepted()
            return job_id_in(output) or _found_or_cancelled(label, output)
        why = " ".join((message.strip() or output.strip()).split())
        failure = temporary_failure(why)
        if failure is None:
            raise SubmissionError(why or f"sbatch ended with exit code {done.returncode}")
        if (found := _only(label.jobs())) is not None:  # the job was accepted, and only the answer was lost
            budget.accepted()
            return found
        _wait(budget, failure, label, why)


def _wait(budget: RetryBudget, failure: TemporaryFailure, label: Label, why: str) -> None:
    pause = budget.next_pause(failure)
    limit = format_duration(budget.limit(failure))
    if pause is None:
        help_ = "the next snakemake submits it and runs nothing again"
        if failure is TemporaryFailure.LIMIT:
            help_ += "; `jobs: N` in the profile keeps below the limit"
        raise SubmissionError(f"{why} (Slurm took no batch for {limit})", hint=help_)
    budget.show(failure, why)
    sys.stderr.write(f"canary-wf: {label.name} waits to be submitted, next try in {pause:.0f} s: {one_line(why)}\n")
    sys.stderr.flush()
    time.sleep(pause)


def _found_or_cancelled(label: Label, output: str) -> str:
    """Return the id of the only queued job with `label`, if the answer to its submission had no id."""
    jobs = label.jobs()
    found = _only(jobs)
    if found is not None:
        return found
    cancel(jobs)
    shown = one_line(" ".join(output.split()))[:100]
    what = f"sbatch printed no unambiguous job id: {shown!r}"
    cancelled = (
        f"jobs {', '.join(jobs)} were cancelled" if jobs else f"look for a job with squeue --me --name={label.name}"
    )
    raise SubmissionError(what, hint=f"{cancelled}; see what a wrapper of sbatch prints")


def _only(jobs: Sequence[str]) -> str | None:
    return jobs[0] if len(jobs) == 1 else None
