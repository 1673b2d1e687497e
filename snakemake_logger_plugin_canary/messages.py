"""Parsing of Snakemake's and its executors' messages: ids and states of Slurm jobs, refusals, commands of batches.

Source: the messages in the sources of the executors `slurm` and `cluster-generic`; no field of a log record has this
information.
"""

import re
import shlex
from pathlib import Path

from canary_wf.errors import one_line

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
_STATE = re.compile(r"SLURM status is: '([A-Z_]+)")
_SAYS_NOTHING = ("For further error details", "None")
_LONGEST = 300


def submitted(message: str) -> list[tuple[int, str]]:
    """Return Snakemake's and the scheduler's ids of the jobs that were submitted according to `message`."""
    for pattern in (_ONE, _GENERIC, _RESUMED):
        found = pattern.match(message)
        if found is not None:
            return [(int(found[1]), found[2])]
    array = _ARRAY.match(message)
    if array is None:
        return []
    jobs = [int(number) for number in array[1].split(",") if number]
    first = int(array[3])
    # The message about each part of an array has the ids of all its jobs; those of the part begin at its first task.
    return [
        (job, f"{array[2]}_{first + offset}") for offset, job in enumerate(jobs[first - 1 :] if first > 1 else jobs)
    ]


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


def state_in(message: str) -> str | None:
    """Return the state of a failed Slurm job, if `message` contains it."""
    state = _STATE.search(message)
    return None if state is None else state[1]


def reason_in(message: str) -> str:
    """Return the reason of a failed Snakemake job in one line, from the executor's `message`."""
    refused = _REFUSED.search(message)
    if refused is not None:
        return f"refused by Slurm: {_in_a_line(refused['slurm'] or refused['generic'] or '')}"
    reason = _in_a_line(message)
    return "its Slurm job failed" if not reason or reason.startswith(_SAYS_NOTHING) else reason


def _in_a_line(text: str) -> str:
    return one_line(" ".join(text.split()))[:_LONGEST]
