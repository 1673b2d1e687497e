"""Who runs a job's process: the protocol that the execution layer fulfils, and how it reports what it could not do."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from canary_wf.errors import CanaryWfError
from canary_wf.state.job_file import OUTPUT_FILE

if TYPE_CHECKING:
    from canary_wf.api.job.job import Job


class JobTimedOut(CanaryWfError):  # noqa: N818 - named after what happened, as subprocess does
    """The job's process ran longer than its limit and was ended."""


class OutputLostError(CanaryWfError):
    """What the job printed could not be written, so nothing can be said of it."""


class Launcher(Protocol):
    """Runs one job's process from start to end."""

    def run(self, job: "Job", *, arguments: Sequence[str] = (), output: str = OUTPUT_FILE) -> int:
        """Run the command of `job` with further `arguments` in its working directory and return its exit code.

        What the process prints goes to the file `output` there; what is measured goes to the job. No process is
        left behind, whatever happens. A process killed by signal N has the code -N. Raises JobTimedOut when the
        process had to be ended, OutputLostError when a test of CTest may have printed what is not in the file, and
        CanaryWfError or OSError when it could not be started.
        """
        ...
