"""How Slurm jobs ended, by one `squeue` for all of them, and one `sacct` for those that the controller forgot.

Facts: `squeue` knows a job for MinJobAge seconds after its end (300 by default) and is right at once; `sacct` knows it
for months, about a second late, where accounting is set up. Both tell the states of the section "JOB STATE CODES".
"""

import os
from collections.abc import Iterable, Mapping

SECONDS = 15.0
"""How long a command may take to answer."""

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


def ask_states(jobs: Iterable[str]) -> dict[str, str]:
    """Return the states of the Slurm jobs with these ids (``12`` or ``12_3``); a job that nobody knows is not in it."""
    wanted = sorted({job for job in jobs if _is_id(job)})
    if not wanted:
        return {}
    listed = ",".join(wanted)
    # With an id of another user's or a purged job squeue fails for one, and tells of the others for several.
    text = _run(["squeue", "--noheader", "--states=all", f"--jobs={listed}", "--format=%i|%A|%T"])
    found = {job: state for job, state in _states(text).items() if job in wanted}
    missing = [job for job in wanted if job not in found]
    if missing:
        format_ = "--format=JobID,JobIDRaw,State"
        more = ["sacct", "--noheader", "--parsable2", "--allocations", f"--jobs={','.join(missing)}", format_]
        found |= {job: state for job, state in _states(_run(more)).items() if job in missing}
    return found


def cancel(jobs: Iterable[str]) -> None:
    """Take the Slurm jobs with these ids back; one that is over already is no error."""
    wanted = sorted({job for job in jobs if _is_id(job)})
    if wanted:
        _run(["scancel", "--quiet", *wanted])


def ended(state: str) -> bool:
    """Return whether a job in `state` is over without having done its work."""
    return state in _ENDED


def in_words(job: str, state: str) -> str:
    """Return what became of the Slurm job `job` that is over."""
    return f"Slurm job {job} {_ENDED[state]} ({state})"


def own_ids(environment: Mapping[str, str] = os.environ) -> set[str]:
    """Return the ids under which Slurm knows the job that this process runs in; none outside of an allocation."""
    task = f"{environment.get('SLURM_ARRAY_JOB_ID')}_{environment.get('SLURM_ARRAY_TASK_ID')}"
    return {name for name in (environment.get("SLURM_JOB_ID"), task) if name and _is_id(name)}


def _is_id(text: str) -> bool:
    return text.isascii() and text.replace("_", "", 1).isdecimal() and not text.startswith("_")


def _states(text: str) -> dict[str, str]:
    """Return the state by each of the two ids in front of it; ``CANCELLED by 1000`` is CANCELLED."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        fields = line.strip().split("|")
        if len(fields) == 3 and fields[2]:  # noqa: PLR2004 - what the formats above ask for
            state = fields[2].split()[0]
            found |= {fields[0]: state, fields[1]: state}
    return found


def _run(command: list[str]) -> str:
    import subprocess  # late, as most runners ask nothing

    try:
        answer = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.decode("utf-8", "replace")
