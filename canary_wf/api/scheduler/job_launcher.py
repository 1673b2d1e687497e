"""Running one job by itself, outside of a batch: the launcher that `canary_wf.job.Job` is given."""

import os
from collections.abc import Sequence

from canary_wf.api.job.job import Job
from canary_wf.api.job.running import JobTimedOut, OutputLostError
from canary_wf.run.job.standalone import process_of
from canary_wf.state.job_file import OUTPUT_FILE


class ProcessLauncher:
    """Runs a job as a process that leads its own group, so that nothing of it outlives its end or its time limit."""

    def run(self, job: Job, *, arguments: Sequence[str] = (), output: str = OUTPUT_FILE) -> int:
        """Run `job` and return its exit code, as `canary_wf.job.Launcher` says."""
        environment = dict(os.environ)
        job.set_runtime_env(environment)
        folder = job.workspace.dir.absolute()
        process = process_of(job.spec, folder, environment, job.allocation.last, arguments=arguments, output=output)
        limit = job.total_timeout()
        try:
            with process:
                if job.process is not None:
                    job.process = job.process.launched(process.pid)
                    job.save()
                in_time = process.wait(limit)
        finally:
            job.measurements.update(process.measured)
        if not in_time:
            raise JobTimedOut(f"ran longer than its limit of {limit:g} s", where=f"job {job.name}")
        if process.fault is not None:
            what = f"its output could not be written ({process.fault.strerror})"
            raise OutputLostError(what, where=f"job {job.name}")
        return process.code
