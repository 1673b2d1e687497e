"""The states of Slurm jobs and why they wait: one `squeue` for thousands of jobs, and one `sacct` for ended ones.

Facts: `squeue` knows a job for MinJobAge seconds after its end (default: 300) and is up to date, but calls a job
COMPLETING, however it ended, until its node has cleaned up. `sacct`, where accounting is set up, knows how a job ended,
for months, but about a second late. Both use the states of the section "JOB STATE CODES".
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from canary_wf.resources.slurm.command import ask_slurm, is_id

_ENDED = {
    "BOOT_FAIL": "its node did not start",
    "CANCELLED": "was cancelled",
    "DEADLINE": "ran past its deadline",
    "EXPIRED": "expired",
    "FAILED": "failed",
    "LAUNCH_FAILED": "could not be launched",
    "NODE_FAIL": "lost its node",
    "OUT_OF_MEMORY": "ran out of memory",
    "PREEMPTED": "was preempted",
    "RECONFIG_FAIL": "lost its node, which could not be set up anew",
    "REVOKED": "was revoked, as another cluster runs it",
    "TIMEOUT": "ran into its time limit",
}

_PORTION = 4000
"""Jobs per command: an argument may have 128 KiB (Linux's MAX_ARG_STRLEN), an id with its comma has 22 bytes."""

_COMPLETING = "COMPLETING"
_LIVES = frozenset(
    {
        _COMPLETING,
        "CONFIGURING",
        "PENDING",
        "REQUEUED",
        "REQUEUE_FED",
        "REQUEUE_HOLD",
        "RESIZING",
        "RESV_DEL_HOLD",
        "RUNNING",
        "SIGNALING",
        "SPECIAL_EXIT",
        "STAGE_OUT",
        "STOPPED",
        "SUSPENDED",
    }
)
"""States of jobs that may still run."""


def ask_states(jobs: Iterable[str]) -> dict[str, str]:
    """Return the states of the Slurm jobs with these ids (``12`` or ``12_3``); unknown jobs are missing.

    A job that lives according to the accounting but is unknown to the controller is lost, and is missing, too.
    """
    ids = sorted({job for job in jobs if is_id(job)})
    # For a single id that is foreign or purged squeue fails; for several it reports the others.
    twice = ids * 2 if len(ids) == 1 else ids
    states, is_answered = _answers(twice, "squeue", "--noheader", "--states=all", "--format=%i|%A|%T")
    found = {job: states[job] for job in ids if job in states}
    unclear = [job for job in ids if found.get(job, _COMPLETING) == _COMPLETING]
    states, _ = _answers(
        unclear, "sacct", "--noheader", "--parsable2", "--allocations", "--format=JobID,JobIDRaw,State"
    )
    if is_answered:
        states = {job: state for job, state in states.items() if job in found or not lives(state)}
    # The accounting may only know that a completing job ran.
    more = [job for job in unclear if job in states and (job not in found or ended(states[job]))]
    return found | {job: states[job] for job in more}


def cancel(jobs: Iterable[str]) -> None:
    """Cancel the Slurm jobs with these ids; a job that has ended is not an error."""
    for portion in _portions(sorted({job for job in jobs if is_id(job)})):
        ask_slurm("scancel", "--quiet", *portion)


def ended(state: str) -> bool:
    """Return whether a job in `state` has ended without completing its work."""
    return state in _ENDED


def lives(state: str) -> bool:
    """Return whether a job in `state` may still run: it waits, runs, is held, or is being cleaned up."""
    return state in _LIVES


def describe_end(job: str, state: str) -> str:
    """Return a description of the end of the Slurm job `job`."""
    return f"Slurm job {job} {_ENDED[state]} ({state})"


def _answers(jobs: Sequence[str], command: str, *options: str) -> tuple[dict[str, str], bool]:
    """Return the answer of `command` about `jobs`, and whether it was complete; runs nothing without jobs."""
    found: dict[str, str] = {}
    is_answered = True
    for portion in _portions(jobs):
        answer = ask_slurm(command, f"--jobs={','.join(portion)}", *options)
        found |= _states(answer.text)
        is_answered = is_answered and answer.ok
    return found, is_answered


def _portions(jobs: Sequence[str]) -> Iterator[Sequence[str]]:
    return (jobs[first : first + _PORTION] for first in range(0, len(jobs), _PORTION))


def _states(text: str) -> dict[str, str]:
    """Return the state by each of the two ids before it; ``CANCELLED by 1000`` is CANCELLED."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        fields = line.strip().split("|")
        if len(fields) == 3 and fields[2]:  # noqa: PLR2004 - what the formats above ask for
            state = fields[2].split()[0].rstrip("+").upper()
            found |= {fields[0]: state, fields[1]: state}
    return found


SECONDS = 5.0
"""Seconds that the controller may take to answer a command that only reads."""

_MOST = 4000
"""Jobs per query, which fit one argument of a command."""


class QueueEntry(NamedTuple):
    """The place of a job in the queue: its state, and Slurm's reason for it (``None`` without one)."""

    state: str
    reason: str


def ask_queue(jobs: Iterable[str], seconds: float = SECONDS) -> dict[str, QueueEntry] | None:
    """Return the queue entries of the Slurm jobs with these ids; jobs that are not in the queue are missing.

    Returns None if the controller does not answer in time. All jobs are in one query; without jobs there is none.
    """
    ids = sorted({job for job in jobs if is_id(job)})[:_MOST]
    if not ids:
        return {}
    # squeue fails for a single unknown id, and omits an unknown one among several.
    joined = ",".join(ids if len(ids) > 1 else ids * 2)
    command = ("squeue", f"--jobs={joined}", "--noheader", "--array", "--states=all", "--format=%i|%T|%r")
    answer = ask_slurm(*command, seconds=seconds)
    if not answer.ok:
        return None
    found = {}
    for line in answer.text.splitlines():
        job, _, rest = line.strip().partition("|")
        state, _, reason = rest.partition("|")
        found[job] = QueueEntry(state.strip().upper(), reason.strip())
    return found
