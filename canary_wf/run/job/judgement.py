"""The verdict on a process that ended, and the reason of a failure."""

import os
from pathlib import Path

from canary_wf.run.job.launcher import why_broken
from canary_wf.runtime.canary.notes import read_reason
from canary_wf.spec.job_spec import JobSpec
from canary_wf.verdict.exit_code import describe_exit, status_of_exit
from canary_wf.verdict.status import Category, Outcome, Status


def judge(spec: JobSpec, code: int, output: Path | str) -> Status:
    """Return the verdict on the process of `spec`, which ended with `code` (-N for signal N) and printed `output`."""
    # The file counts only with the exit code of a failed preparation, because a job may write one, too.
    gave_up = spec.preparation is not None and code == Outcome.BROKEN
    if gave_up and (reason := why_broken(Path(output).parent)) is not None:
        return Status.of(Outcome.BROKEN, reason)
    if spec.ctest is None:
        status = status_of_exit(code, spec.xstatus)
    else:
        from canary_wf.ctest.ctest_verdict import OF_OUTPUT, judge_ctest  # late, as most batches have no such tests

        status = judge_ctest(spec.ctest, code, Path(output))
        if (status.reason or "").startswith(OF_OUTPUT):
            return status  # its reason quotes the output already
    if status.category is Category.PASS:
        return status
    return with_failure_message(status, code, output)


_EXPLAINED = frozenset({Outcome.FAILED, Outcome.DIFFED, Outcome.SKIPPED})
"""Outcomes of a process that ended by itself, which may have said why."""


def with_failure_message(status: Status, code: int, output: Path | str) -> Status:
    """Return `status`, the verdict on a process that ended with `code`, with the reason that the process gave.

    A reason that the process noted itself replaces one that only describes the exit code, and is appended to any other
    one; an error without a message gets its place in the source. Where it noted none, what it said last in `output` is
    appended.
    """
    reason, said = status.reason, read_reason(os.path.dirname(output), code)  # noqa: PTH120 - a path object costs more
    if said is not None and code == 1 and said.isidentifier():
        from canary_wf.verdict.last_message import with_place  # late, as above

        said = with_place(said, output)
    if said is not None and _is_of_exit(status, code):
        return Status(status.outcome, said, status.code)
    if said is None and code and status.outcome in _EXPLAINED:
        from canary_wf.verdict.last_message import last_message  # late, as most jobs pass

        said = last_message(output, code)
    return status if said is None else Status(status.outcome, f"{reason}: {said}" if reason else said, status.code)


def _is_of_exit(status: Status, code: int) -> bool:
    """Return whether the verdict says no more than the exit code."""
    return status.outcome in {Outcome.DIFFED, Outcome.SKIPPED} or status.reason == describe_exit(code)
