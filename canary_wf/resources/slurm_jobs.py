"""How Slurm jobs are doing, by one `squeue` for all of them, and one `sacct` for those whose end it does not tell.

Facts: `squeue` knows a job for MinJobAge seconds after its end (300 by default) and is right at once, but calls a job
COMPLETING, however it ended, until its node has cleared up; `sacct` knows how it ended, for months and about a second
late, where accounting is set up. Both tell the states of the section "JOB STATE CODES".
"""

from collections.abc import Iterable

from canary_wf.resources.slurm_command import ask_slurm
from canary_wf.resources.slurm_ids import is_id

_ENDED = {
    "BOOT_FAIL": "its node did not start",
    "CANCELLED": "was cancelled",
    "DEADLINE": "ran past its deadline",
    "FAILED": "failed",
    "NODE_FAIL": "lost its node",
    "OUT_OF_MEMORY": "ran out of memory",
    "PREEMPTED": "was preempted",
    "TIMEOUT": "ran into its time limit",
}

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
    """Return the states of the Slurm jobs with these ids (``12`` or ``12_3``); a job that nobody knows is not in it."""
    wanted = sorted({job for job in jobs if is_id(job)})
    if not wanted:
        return {}
    listed = ",".join(wanted)
    # With an id of another user's or a purged job squeue fails for one, and tells of the others for several.
    answer = ask_slurm("squeue", "--noheader", "--states=all", f"--jobs={listed}", "--format=%i|%A|%T")
    states = _states(answer.text)
    found = {job: states[job] for job in wanted if job in states}
    unclear = [job for job in wanted if found.get(job, _COMPLETING) == _COMPLETING]
    if unclear:
        listed, format_ = ",".join(unclear), "--format=JobID,JobIDRaw,State"
        answer = ask_slurm("sacct", "--noheader", "--parsable2", "--allocations", f"--jobs={listed}", format_)
        states = _states(answer.text)
        # Of a job that completes right now the accounting may know no more than that it ran.
        more = [job for job in unclear if job in states and (job not in found or ended(states[job]))]
        found |= {job: states[job] for job in more}
    return found


def cancel(jobs: Iterable[str]) -> None:
    """Take the Slurm jobs with these ids back; one that is over already is no error."""
    wanted = sorted({job for job in jobs if is_id(job)})
    if wanted:
        ask_slurm("scancel", "--quiet", *wanted)


def ended(state: str) -> bool:
    """Return whether a job in `state` is over without having done its work."""
    return state in _ENDED


def lives(state: str) -> bool:
    """Return whether a job in `state` may still do something: it waits, runs, is held up, or is being cleared up."""
    return state in _LIVES


def in_words(job: str, state: str) -> str:
    """Return what became of the Slurm job `job` that is over."""
    return f"Slurm job {job} {_ENDED[state]} ({state})"


def _states(text: str) -> dict[str, str]:
    """Return the state by each of the two ids in front of it; ``CANCELLED by 1000`` is CANCELLED."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        fields = line.strip().split("|")
        if len(fields) == 3 and fields[2]:  # noqa: PLR2004 - what the formats above ask for
            state = fields[2].split()[0]
            found |= {fields[0]: state, fields[1]: state}
    return found
