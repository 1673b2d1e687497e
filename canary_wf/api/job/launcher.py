"""Running one job by itself, outside of a batch: the launcher that `canary_wf.job.Job` is given."""

import os
from collections.abc import Sequence

from canary_wf.api.job.job import Job
from canary_wf.process.process_identity import start_ticks
from canary_wf.run.job.standalone import exit_code, standalone_process
from canary_wf.state.job_file import OUTPUT_FILE


class ProcessLauncher:
    """Runs a job as a process that leads its own group, so that nothing of it outlives its end or its time limit."""

    def run(self, job: Job, *, arguments: Sequence[str] = (), output: str = OUTPUT_FILE) -> int:
        """Run `job` and return its exit code, as `canary_wf.job.Launcher` says."""
        environment = dict(os.environ)
        job.set_runtime_env(environment)
        folder = job.workspace.dir.absolute()
        process = standalone_process(job.spec, folder, environment, job.last_held, arguments=arguments, output=output)
        limit = job.total_timeout()
        try:
            with process:
                if job.record.launcher is not None:
                    job.change(pid=process.pid, started_ticks=start_ticks(process.pid))
                    job.save()
                in_time = process.wait(limit)
        finally:
            job.measurements.update(process.measured)
        return exit_code(job.spec, process, limit, in_time=in_time)
