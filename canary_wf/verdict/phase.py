"""Where a job stands in its life."""

from enum import Enum


class JobPhase(str, Enum):  # noqa: UP042 - the API page names these bases
    """The phases of a job, in the order in which a job goes through them."""

    PENDING = "PENDING"
    SUBMITTED = "SUBMITTED"
    RUNNING = "RUNNING"
    DONE = "DONE"
