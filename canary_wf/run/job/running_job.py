"""A running job: its resources, its output, and how far its termination has come."""

import time

from canary_wf.process.ending import Deadline
from canary_wf.process.output import PipedOutput
from canary_wf.run.job.disk import printed_in
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.spec.job_spec import OUTPUT_LIMIT
from canary_wf.spec.resource_request import Resources
from canary_wf.state.job_file import OUTPUT_FILE
from canary_wf.verdict.status import Outcome, Status
from canary_wf.wording import size


class RunningJob:
    """One process: its job, its resources, and its deadline. `output` is the pipe of a CTest test.

    `verdict` is the reason why it is being ended, None while it runs undisturbed. `keeps_group` says that other
    processes of its group live on.
    """

    __slots__ = (
        "deadline",
        "folder",
        "job",
        "keeps_group",
        "oom_kills",
        "output",
        "resources",
        "started",
        "verdict",
    )

    def __init__(
        self, job: PlannedJob, folder: str, resources: Resources, oom_kills: int, output: PipedOutput | None
    ) -> None:
        self.job = job
        self.folder = folder
        self.resources = resources
        self.started = time.monotonic()
        self.deadline = Deadline(self.started + job.limit)
        self.verdict: Status | None = None
        self.keeps_group = False
        self.oom_kills = oom_kills
        self.output = output

    @property
    def output_file(self) -> str:
        """The file that holds its output."""
        return f"{self.folder}/{OUTPUT_FILE}"

    def too_much(self, *, look: bool) -> Status | None:
        """Return the verdict on a job that printed too much, else None; its file is only checked with `look`."""
        limit = self.job.output_limit or OUTPUT_LIMIT
        piped = self.output is not None and self.output.too_much
        if not piped and not (look and printed_in(self.folder) > limit):
            return None
        return Status.of(Outcome.FAILED, f"printed more than its output_limit of {size(limit)}, so it was ended")
