"""Jobs and batches in a session's folder, for tests of what programs do with them."""

import time
from pathlib import Path

from canary_wf.batchspec import BatchSpec, TestBatch
from canary_wf.job import Dependency, ExecutionSpace, Job, JobSpec, ProcessLauncher
from canary_wf.process.process_identity import start_ticks


def job_in(out: Path, spec: JobSpec, *upstreams: Job, when: str | None = "on_success") -> Job:
    """Return the job of `spec` in a session of the workspace `out`, ready to be set up and run."""
    jobs = out / ".canary-wf" / "sessions" / "s1" / "jobs"
    jobs.mkdir(parents=True, exist_ok=True)
    dependencies = [Dependency(upstream, when) for upstream in upstreams]
    job = Job(spec, ExecutionSpace(jobs, Path(spec.directory), "s1"), dependencies)
    job.launcher = ProcessLauncher()
    return job


def ended(job: Job, outcome: str) -> Job:
    """Return `job`, as if it had been run and had ended with `outcome`."""
    job.on_started()
    job.set_status(outcome=outcome)
    job.on_finished()
    return job


def run(job: Job) -> Job:
    """Return `job` after it was set up and run."""
    job.setup()
    job.run()
    return job


def batch_in(out: Path, *jobs: Job, layout: str = "flat", after: tuple[TestBatch, ...] = ()) -> TestBatch:
    """Return the batch of `jobs` in the workspace `out`, behind the batches `after`."""
    spec = BatchSpec(layout, list(jobs), [batch.spec for batch in after])
    return TestBatch(spec, ExecutionSpace(out / "batches", Path(spec.id)), list(after))


def assert_gone(pid: int) -> None:
    """Wait until the process `pid` does not run any more; one that was killed takes a moment to die."""
    end = time.monotonic() + 20
    while start_ticks(pid):
        assert time.monotonic() < end, f"process {pid} still runs"
        time.sleep(0.01)
