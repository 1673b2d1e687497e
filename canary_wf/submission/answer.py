"""What `sbatch` answers: the id of a job among what a site has it print, and refusals that pass."""

import re
from enum import Enum

_ID = re.compile(r"(\d+)(?:;[\w.-]+)?")


class Passing(Enum):
    """Why a submission failed that may well be taken later: the controller is away, or too many jobs are there."""

    CONTROLLER = "controller"
    LIMIT = "limit"


_LIMIT = re.compile(r"(?:QOS|Assoc)(?:Max|Grp)\w*Submit\w*|Reached.*submit.* limit|MaxSubmitJobs", re.IGNORECASE)
_CONTROLLER = re.compile(
    r"socket timed out|unable to contact slurm controller|resource temporarily unavailable"
    r"|temporarily unable to accept job|communication connection failure|zero bytes were transmitted or received"
    r"|transport endpoint is not connected|message (?:receive|send) failure|connection (?:refused|reset|timed out)"
    r"|unable to establish (?:controller machine|configuration source)|backup controller|in standby mode"
    r"|unexpected message received|no route to host|network is unreachable|cannot allocate memory"
    r"|too many (?:pending|open) |rate.?limit|insane message length|munge.{0,40}(?:connect|unavailable|refused)",
    re.IGNORECASE,
)


def job_id_in(output: str) -> str | None:
    """Return the id that `sbatch --parsable` printed as ``id`` or ``id;cluster`` on a line of its own.

    Whatever a site has it print before or behind is passed over. None when no line has that form, or several differ.
    """
    found = {match[1] for line in output.splitlines() if (match := _ID.fullmatch(line.strip())) is not None}
    return found.pop() if len(found) == 1 else None


def passing(told: str) -> Passing | None:
    """Return why a submission that failed with these words may be taken later, or None when it will not."""
    if _LIMIT.search(told):
        return Passing.LIMIT
    return Passing.CONTROLLER if _CONTROLLER.search(told) else None
