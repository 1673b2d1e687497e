"""The verdict on a process that ended: by its exit code alone, or for a test of CTest by CTest's rules."""

from pathlib import Path

from canary_wf.run.job.preparation import why_broken
from canary_wf.spec.job_spec import JobSpec
from canary_wf.verdict.exit_code import status_of_exit
from canary_wf.verdict.status import Category, Outcome, Status


def judge(spec: JobSpec, code: int, output: Path | str) -> Status:
    """Return the verdict on the process of `spec` that ended with `code` (signal N: -N) and printed `output`."""
    # Only the code of a preparation that failed makes the file count: a job may write one, too.
    gave_up = spec.preparation is not None and code == Outcome.BROKEN
    if gave_up and (reason := why_broken(Path(output).parent)) is not None:
        return Status.of(Outcome.BROKEN, reason)
    if spec.ctest is None:
        status = status_of_exit(code, spec.xstatus)
    else:
        from canary_wf.ctest.ctest_verdict import judge_ctest  # late, as most batches have no such tests

        status = judge_ctest(spec.ctest, code, Path(output))
    if status.category is Category.PASS:
        return status
    from canary_wf.run.job.failure_message import with_failure_message  # late, as most jobs pass

    return with_failure_message(status, code, output)
