"""The small object in which a job that is used as an object keeps its phase."""

from dataclasses import dataclass

from canary_wf.verdict.phase import JobPhase


@dataclass
class JobState:
    """The phase of one job."""

    phase: JobPhase = JobPhase.PENDING

    def reset(self) -> None:
        """Go back to the start of the job's life."""
        self.phase = JobPhase.PENDING

    def is_pending(self) -> bool:
        """Return whether nothing has happened to the job yet."""
        return self.phase is JobPhase.PENDING

    def is_submitted(self) -> bool:
        """Return whether the job's batch was handed to a scheduler."""
        return self.phase is JobPhase.SUBMITTED

    def is_running(self) -> bool:
        """Return whether the job's process was started and has not ended."""
        return self.phase is JobPhase.RUNNING

    def is_done(self) -> bool:
        """Return whether the job has its verdict."""
        return self.phase is JobPhase.DONE
