"""The `sbatch` that the executor of the profile `slurm` calls: Slurm's, with retries and a strict answer.

Calls that do not come from the executor are passed on unchanged.
"""

import os
import sys
from collections.abc import Sequence
from itertools import pairwise

from canary_wf.errors import CanaryWfError, ExitCode
from canary_wf.state.waiting import SUBMISSION
from canary_wf.submission.search_path import slurm_program, without_wrappers
from canary_wf.submission.squeue_wrapper import note_submitted
from canary_wf.submission.submit import Label, submit


def main(arguments: Sequence[str]) -> int:
    """Submit with `arguments`, print the job's id, and return the exit code."""
    label = Label(_value(arguments, "--job-name"), _value(arguments, "--comment"))
    if "--parsable" not in arguments or not label.name:
        return _pass_on(arguments)
    script = sys.stdin.buffer.read() if "/dev/stdin" in arguments else None
    try:
        job = submit(["sbatch", *arguments], label, script=script, shown=SUBMISSION)  # the executor hides stderr
        note_submitted(label.name, job)
    except CanaryWfError as error:
        sys.stderr.write(f"{error}\n")
        return ExitCode.JOBS_FAILED
    sys.stdout.write(f"{job}\n")
    return ExitCode.DONE


def _pass_on(arguments: Sequence[str]) -> int:
    program = slurm_program("sbatch", os.environ)
    if program is None:
        sys.stderr.write("canary-wf: Slurm's sbatch is not on the PATH\n")
        return ExitCode.JOBS_FAILED
    return os.execve(program, ["sbatch", *arguments], without_wrappers(os.environ))  # noqa: S606 - the requested program


def _value(arguments: Sequence[str], option: str) -> str:
    """Return the value of `option`, which the executor writes as a separate word before the command to run."""
    return next((value for name, value in pairwise(arguments) if name == option), "")
