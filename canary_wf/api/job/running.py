"""Running one job by its launcher, from its start to a verdict; whatever happens, no job stays RUNNING."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from canary_wf.errors import CanaryWfError, WorkspaceError
from canary_wf.files.json_files import read_json
from canary_wf.process.process_identity import ProcessIdentity, start_ticks
from canary_wf.state.job_file import OUTPUT_FILE, STATE_FILE
from canary_wf.verdict.status import JobPhase, Outcome, Status

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


class JobProcess(msgspec.Struct, frozen=True):
    """Who runs a job: the Python process that launched it, and the job's own process (pid 0 when not known)."""

    place: str
    runner: int
    runner_ticks: int
    pid: int = 0
    started_ticks: int = 0

    @classmethod
    def here(cls) -> "JobProcess":
        """Return the entry of a job that this process is about to launch."""
        own = ProcessIdentity.own()
        return cls(own.place, own.pid, own.started_ticks)

    @property
    def launcher(self) -> ProcessIdentity:
        """The Python process that launched the job."""
        return ProcessIdentity(self.place, self.runner, self.runner_ticks)

    def launched(self, pid: int) -> "JobProcess":
        """Return the entry of a job whose process is known."""
        return msgspec.structs.replace(self, pid=pid, started_ticks=start_ticks(pid))

    def is_orphan(self) -> bool:
        """Return whether the launching process ran on this machine and is gone."""
        return not self.launcher.may_live

    def end(self, state_file: Path) -> None:
        """Kill what is left of the job with this `state_file`, by which its processes are known."""
        from canary_wf.process.orphans import end_marked, inherited

        names = {str(state_file), str(state_file.absolute())}
        end_marked([(self.pid, self.started_ticks)], lambda pid: inherited(pid, "CANARY_WF_JOB") in names)


class _Told(msgspec.Struct, frozen=True):
    """Of a state file, whether the job runs and by whom."""

    phase: JobPhase
    process: JobProcess | None = None


def run_job(job: "Job") -> None:
    """Run `job` and set its verdict, times and measurements; its state file says so before and after.

    A job that cannot be started is BROKEN, and one that runs too long TIMEOUT. It is INTERRUPTED, to be run again, when
    its output was lost, and when an exception ends it that is not its fault (Ctrl-C among them); that one goes on to
    the caller.
    """
    launcher = job.runner()
    _refuse_another(job)
    job.process = JobProcess.here()
    job.measurements.reset()
    job.status = Status()
    job.on_started()
    job.save()
    try:
        job.update_status_from_exit_code(code=launcher.run(job))
    except JobTimedOut as error:
        job.status = Status.of(Outcome.TIMEOUT, error.what)
    except OutputLostError as error:
        job.status = Status.of(Outcome.INTERRUPTED, error.what)
    except (CanaryWfError, OSError, ValueError) as error:  # ValueError: a NUL in a name
        job.status = Status.of(Outcome.BROKEN, f"could not start: {error}")
    except BaseException as error:  # Ctrl-C too is a verdict; it is raised again
        job.status = Status.of(Outcome.INTERRUPTED, f"ended by {type(error).__name__}")
        raise
    finally:
        job.process = None
        job.on_finished()
        job.save()


def _refuse_another(job: "Job") -> None:
    """Raise CanaryWfError when another process of this machine runs the job, as its state file says."""
    try:
        found: _Told = read_json(job.lockfile, _Told)
    except WorkspaceError:  # there is none, or one that is about to be replaced
        return
    other = found.process
    if other is None or found.phase is not JobPhase.RUNNING or other.runner == os.getpid():
        return
    if other.launcher.is_here and other.launcher.may_live:
        raise CanaryWfError(f"is being run by process {other.runner}", where=f"job {job.name}", hint="wait for it")


def settle(job: "Job") -> bool:
    """Give a job whose launching process died the verdict INTERRUPTED, end what is left of it; return whether so."""
    if not job.state.is_running() or job.process is None or not job.process.is_orphan():
        return False
    job.process.end(job.workspace.dir / STATE_FILE)
    job.process = None
    job.status = Status.of(Outcome.INTERRUPTED, "what ran it died")
    job.on_finished()
    job.timekeeper.finished = None  # nobody knows
    return True
