"""How Slurm jobs are doing and why they wait, by one `squeue` for thousands, and one `sacct` for those that ended.

Facts: `squeue` knows a job for MinJobAge seconds after its end (300 by default) and is right at once, but calls a job
COMPLETING, however it ended, until its node has cleared up; `sacct` knows how it ended, for months and about a second
late, where accounting is set up. Both tell the states of the section "JOB STATE CODES".
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from canary_wf.resources.slurm.text import ask_slurm, is_id

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
"""Jobs of one command: its argument may have 128 KiB (Linux's MAX_ARG_STRLEN), an id with its comma 22 bytes."""

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
"""States of jobs that may still do something, now or later."""


def ask_states(jobs: Iterable[str]) -> dict[str, str]:
    """Return the states of the Slurm jobs with these ids (``12`` or ``12_3``); a job that nobody knows is not in it.

    Nor is one of which the accounting says that it lives, while the controller does not know it: it is lost.
    """
    wanted = sorted({job for job in jobs if is_id(job)})
    # With an id of another user's or a purged job squeue fails for one, and tells of the others for several.
    twice = wanted * 2 if len(wanted) == 1 else wanted
    states, is_answered = _asked(twice, "squeue", "--noheader", "--states=all", "--format=%i|%A|%T")
    found = {job: states[job] for job in wanted if job in states}
    unclear = [job for job in wanted if found.get(job, _COMPLETING) == _COMPLETING]
    states, _ = _asked(unclear, "sacct", "--noheader", "--parsable2", "--allocations", "--format=JobID,JobIDRaw,State")
    if is_answered:
        states = {job: state for job, state in states.items() if job in found or not lives(state)}
    # Of a job that completes right now the accounting may know no more than that it ran.
    more = [job for job in unclear if job in states and (job not in found or ended(states[job]))]
    return found | {job: states[job] for job in more}


def cancel(jobs: Iterable[str]) -> None:
    """Cancel the Slurm jobs with these ids; one that is over already is not an error."""
    for portion in _portions(sorted({job for job in jobs if is_id(job)})):
        ask_slurm("scancel", "--quiet", *portion)


def ended(state: str) -> bool:
    """Return whether a job in `state` is over without having done its work."""
    return state in _ENDED


def lives(state: str) -> bool:
    """Return whether a job in `state` may still do something: it waits, runs, is held up, or is being cleared up."""
    return state in _LIVES


def in_words(job: str, state: str) -> str:
    """Return what became of the Slurm job `job` that is over."""
    return f"Slurm job {job} {_ENDED[state]} ({state})"


def _asked(jobs: Sequence[str], command: str, *options: str) -> tuple[dict[str, str], bool]:
    """Return what `command` says of `jobs`, and whether it answered all; nothing is asked for none."""
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
    """Return the state by each of the two ids in front of it; ``CANCELLED by 1000`` is CANCELLED."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        fields = line.strip().split("|")
        if len(fields) == 3 and fields[2]:  # noqa: PLR2004 - what the formats above ask for
            state = fields[2].split()[0].rstrip("+").upper()
            found |= {fields[0]: state, fields[1]: state}
    return found


SECONDS = 5.0
"""How long the controller may take to answer somebody who only looks."""

_MOST = 4000
"""Jobs that are asked after, which fit one argument of a command."""


class QueueEntry(NamedTuple):
    """Where a job stands: its state, and the reason that Slurm gives for it (``None`` where there is none)."""

    state: str
    reason: str


def ask_queue(jobs: Iterable[str], seconds: float = SECONDS) -> dict[str, QueueEntry] | None:
    """Return where the Slurm jobs with these ids stand, those that are not in the queue left out.

    None when the controller does not answer in time. One question is asked for all, and none for no job.
    """
    wanted = sorted({job for job in jobs if is_id(job)})[:_MOST]
    if not wanted:
        return {}
    # squeue fails for one id that it does not know, and leaves it out of several.
    ids = ",".join(wanted if len(wanted) > 1 else wanted * 2)
    command = ("squeue", f"--jobs={ids}", "--noheader", "--array", "--states=all", "--format=%i|%T|%r")
    answer = ask_slurm(*command, seconds=seconds)
    if not answer.ok:
        return None
    found = {}
    for line in answer.text.splitlines():
        job, _, told = line.strip().partition("|")
        state, _, reason = told.partition("|")
        found[job] = QueueEntry(state.strip().upper(), reason.strip())
    return found
