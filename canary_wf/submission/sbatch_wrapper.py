"""What our `sbatch` does, which the executor of the profile `slurm` calls: Slurm's, with patience and a strict answer.

Calls that are not the executor's are passed on as they are.
"""

import os
import sys
from collections.abc import Sequence
from itertools import pairwise

from canary_wf.errors import CanaryWfError, ExitCode
from canary_wf.state.waiting import SUBMISSION
from canary_wf.submission.search_path import slurms_program, without_ours
from canary_wf.submission.squeue_wrapper import note_submitted
from canary_wf.submission.submit import Label, submit


def main(arguments: Sequence[str]) -> int:
    """Submit as `arguments` say, print the job's id, and return the exit code."""
    label = Label(_value(arguments, "--job-name"), _value(arguments, "--comment"))
    if "--parsable" not in arguments or not label.name:
        return _pass_on(arguments)
    script = sys.stdin.buffer.read() if "/dev/stdin" in arguments else None
    try:
        job = submit(["sbatch", *arguments], label, script=script, shown=SUBMISSION)  # the executor shows nothing
        note_submitted(label.name, job)
    except CanaryWfError as error:
        sys.stderr.write(f"{error}\n")
        return ExitCode.JOBS_FAILED
    sys.stdout.write(f"{job}\n")
    return ExitCode.DONE


def _pass_on(arguments: Sequence[str]) -> int:
    program = slurms_program("sbatch", os.environ)
    if program is None:
        sys.stderr.write("canary-wf: there is no sbatch of Slurm's on the PATH\n")
        return ExitCode.JOBS_FAILED
    return os.execve(program, ["sbatch", *arguments], without_ours(os.environ))  # noqa: S606 - what was called for


def _value(arguments: Sequence[str], option: str) -> str:
    """Return what `option` says, as the executor writes it: in a word of its own; what is run stands behind all."""
    return next((value for name, value in pairwise(arguments) if name == option), "")
