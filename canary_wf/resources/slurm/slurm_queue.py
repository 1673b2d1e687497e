"""Why Slurm jobs wait, as `squeue` says in the words of the section "JOB REASON CODES" of its manual."""

from collections.abc import Iterable
from typing import NamedTuple

from canary_wf.resources.slurm.slurm_command import ask_slurm
from canary_wf.resources.slurm.slurm_ids import is_id

SECONDS = 5.0
"""How long the controller may take to answer somebody who only looks."""

_MOST = 4000
"""Jobs that are asked after, which fit one argument of a command."""


class Place(NamedTuple):
    """Where a job stands: its state, and the reason that Slurm gives for it (``None`` where there is none)."""

    state: str
    reason: str


def ask_places(jobs: Iterable[str], seconds: float = SECONDS) -> dict[str, Place] | None:
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
        found[job] = Place(state.strip().upper(), reason.strip())
    return found
