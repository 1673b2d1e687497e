"""The verdict on a process that ended, and the reason of a failure."""

import os
import re
from pathlib import Path

from canary_wf.files.plain_files import open_plain
from canary_wf.run.job.preparation import why_broken
from canary_wf.runtime.canary.notes import read_reason, shortened
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
        from canary_wf.ctest.ctest_verdict import judge_ctest  # late, as most batches have no such tests

        status = judge_ctest(spec.ctest, code, Path(output))
    if status.category is Category.PASS:
        return status
    return with_failure_message(status, code, output)


_UNCAUGHT = 1
"""Python's exit code after an exception that nobody caught."""

_MOST_READ = 1 << 15
_FRAME = b'  File "'
_ERROR = re.compile(rb"[A-Za-z_][\w.]*(: .*)?")


def with_failure_message(status: Status, code: int, output: Path | str) -> Status:
    """Return `status`, the verdict on a process that ended with `code`, with the reason that the process gave.

    A reason that the process noted itself replaces one that only describes the exit code, and is appended to any other
    one. The last error of a traceback in `output` is always appended.
    """
    reason, said = status.reason, read_reason(os.path.dirname(output), code)  # noqa: PTH120 - a path object costs more
    if said is not None and _is_of_exit(status, code):
        return Status(status.outcome, said, status.code)
    if said is None and code == _UNCAUGHT and status.outcome is Outcome.FAILED:
        said = _last_error(output)
    return status if said is None else Status(status.outcome, f"{reason}: {said}" if reason else said, status.code)


def _is_of_exit(status: Status, code: int) -> bool:
    """Return whether the verdict says no more than the exit code."""
    return status.outcome in {Outcome.DIFFED, Outcome.SKIPPED} or status.reason == describe_exit(code)


def _last_error(output: Path | str) -> str | None:
    """Return the last line of the last traceback near the end of `output`; None where there is none."""
    try:
        with open_plain(output) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _MOST_READ))
            end = file.read(_MOST_READ)
    except OSError:  # the reason then describes the exit code alone
        return None
    error = None
    in_frames = False
    for line in end.split(b"\n"):
        if line.startswith(_FRAME):
            in_frames = True
        elif in_frames and line.strip() and not line.startswith((b" ", b"\t")):
            error = line if _ERROR.fullmatch(line) else error
            in_frames = False
    return None if error is None else shortened(error.decode(errors="replace"))
